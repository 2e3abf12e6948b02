"""The schedule, for `manage.py rqcron omibackend/cron.py`. Two schedulers at once do no harm."""

from django.conf import settings
from rq import cron

from conversations.transcripts import search
from omibackend.core.work import leased
from omibackend.ops import retention
from omibackend.prompts import jobs as prompts

cron.register(
    leased.sweep, "maintenance", interval=settings.SWEEP_S, job_timeout=60, result_ttl=0, ttl=30
)
cron.register(
    search.settle_silent, "maintenance", interval=60, job_timeout=60, result_ttl=0, ttl=60
)
cron.register(retention.prune, "maintenance", cron="17 3 * * *", job_timeout=3600, result_ttl=0)
if settings.ENABLE_PROMPT_WORKERS:
    cron.register(
        prompts.dispatch, "maintenance", cron="* * * * *", job_timeout=60, result_ttl=0, ttl=60
    )
