"""The schedule, for `manage.py rqcron omibackend/cron.py`. Two schedulers at once do no harm."""

from django.utils.module_loading import import_string
from rq import cron

from omibackend.core import manifest
from omibackend.ops.manifest import MAINTENANCE

for app in manifest.installed():
    for scheduled in app.schedule:
        cron.register(
            import_string(scheduled.job),
            MAINTENANCE.name,
            interval=scheduled.interval_s,
            cron=scheduled.cron,
            job_timeout=scheduled.timeout_s,
            result_ttl=0,
            ttl=scheduled.ttl_s,
        )
