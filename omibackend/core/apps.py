from django.apps import AppConfig
from django.conf import settings


class CoreConfig(AppConfig):
    name = "omibackend.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from omibackend.core import manifest
        from omibackend.core.work.lanes import JOB_TIMEOUT_S

        for lane in manifest.lanes():
            settings.RQ_QUEUES[lane.name] = {
                "URL": settings.REDIS_URL,
                "DEFAULT_TIMEOUT": JOB_TIMEOUT_S,
            }
