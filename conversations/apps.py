from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = "Conversations"

    def ready(self) -> None:
        from conversations import jobs, records
        from omibackend.accounts.services import Conversations

        jobs.register()
        Conversations.belongs = staticmethod(records.belongs)
