from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "omibackend.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from omibackend.accounts.privacy import jobs

        jobs.register()
