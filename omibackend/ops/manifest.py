"""What this app brings along: the house's own upkeep."""

from django.conf import settings

from omibackend.core.manifest import Lane, Manifest, Scheduled

MAINTENANCE = Lane("maintenance", "what is due by the clock: the sweeper, retention")

manifest = Manifest(
    lanes=(MAINTENANCE,),
    schedule=(
        Scheduled(
            "omibackend.core.work.draining.sweep",
            interval_s=settings.SWEEP_S,
            timeout_s=60,
            ttl_s=30,
        ),
        Scheduled("omibackend.ops.retention.prune", cron="17 3 * * *", timeout_s=3600),
    ),
)
