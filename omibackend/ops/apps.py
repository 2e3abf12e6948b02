import gc

from django.apps import AppConfig


class OpsConfig(AppConfig):
    """The last of the applications."""

    name = "omibackend.ops"
    label = "ops"
    verbose_name = "Operations"

    def ready(self) -> None:
        gc.freeze()
        gc.enable()
