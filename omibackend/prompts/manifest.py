"""What this app keeps of a person."""

from omibackend.core.personal_data import PersonalData, Table
from omibackend.prompts.models import PromptRun, PromptTemplate

PersonalData.register(
    PersonalData(
        "prompts",
        tables=(
            Table(
                "runs",
                lambda user_id: PromptRun.objects.filter(person_id=user_id),
                (
                    *("id", "template_id", "cause", "created_at", "outcome", "why", "rendered"),
                    *("answer", "model", "tokens_in", "tokens_out", "cost", "delivery_id"),
                ),
            ),
            Table(
                "prompts",
                lambda user_id: PromptTemplate.objects.filter(owner_id=user_id),
                ("id", "name", "enabled", "trigger", "cron", "prompt", "output", "created_at"),
            ),
        ),
    )
)
