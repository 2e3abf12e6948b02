from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
    verbose_name = "Conversations"

    def ready(self) -> None:
        from conversations.assistant import turns
        from conversations.voice import jobs
        from omibackend.accounts.preferences import Conversations

        jobs.register()
        Conversations.belongs = staticmethod(turns.belongs)
