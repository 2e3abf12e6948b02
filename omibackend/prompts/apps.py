from django.apps import AppConfig
from django.conf import settings


class PromptsConfig(AppConfig):
    name = "omibackend.prompts"
    verbose_name = "Prompts"

    def ready(self) -> None:
        from omibackend.prompts import jobs

        if settings.ENABLE_PROMPT_WORKERS:
            jobs.register()
