from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "omibackend.ops"
    label = "ops"
    verbose_name = "Operations"
