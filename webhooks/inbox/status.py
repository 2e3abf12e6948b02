"""How the inbox is doing, for the queue-status route, the health page and the admin."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q
from django.db.models.functions import Extract, Now

from omibackend.core.work.leased import LIVE, State
from webhooks.models import Delivery

# Counting more than this tells nobody anything and would read the whole index.
MOST_COUNTED = 100_000


def oldest_unfinished_s() -> float | None:
    """Seconds that the oldest unfinished delivery has waited; None when none does."""
    oldest = Delivery.objects.filter(state__in=LIVE).aggregate(
        age=Extract(Now() - Min("received_at"), "epoch")
    )["age"]
    return None if oldest is None else max(0.0, float(oldest))


def dead_count() -> int:
    return Delivery.objects.filter(state=State.DEAD)[:MOST_COUNTED].count()


def queue_status() -> dict[str, Any]:
    """The plain counts of `GET /omi-webhook/queue-status`, of the live rows only: a partial index,
    small however many deliveries there ever were."""
    live = Delivery.objects.filter(state__in=LIVE).values_list("event")
    found = live.annotate(
        number=Count("pk"),
        running=Count("pk", filter=Q(state=State.LEASED)),
        retrying=Count("pk", filter=Q(state=State.PENDING, attempts__gt=0)),
    )
    by_event = {event: number for event, number, _, _ in found}
    running = sum(row[2] for row in found)
    return {
        "queueLength": sum(by_event.values()) - running,
        "processing": running > 0,
        "batchSize": settings.QUEUE_BATCH_SIZE,
        "processingInterval": settings.SWEEP_S * 1000,
        "maxConcurrentJobs": settings.QUEUE_MAX_CONCURRENT_JOBS,
        "retryQueueSize": sum(row[3] for row in found),
        "jobTypeCounts": by_event,
    }
