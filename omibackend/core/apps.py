from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "omibackend.core"
    label = "core"
    verbose_name = "Core"
