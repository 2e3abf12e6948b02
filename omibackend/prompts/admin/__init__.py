from omibackend.prompts.admin.runs import PromptRunAdmin
from omibackend.prompts.admin.templates import PromptTemplateAdmin

__all__ = ["PromptRunAdmin", "PromptTemplateAdmin"]
