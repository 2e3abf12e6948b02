"""How the inbox is doing, for the queue-status route, the health page and the admin."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q
from django.db.models.functions import Extract, Now

from omibackend.core.work.leased import LIVE, State
from webhooks.models import Delivery

# Counting more than this tells nobody anything and would read the whole index.
MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Queue:
    waiting: int
    running: int
    retrying: int
    by_event: dict[str, int]


def queue() -> Queue:
    """The live rows only: a partial index, small however many deliveries there ever were."""
    live = Delivery.objects.filter(state__in=LIVE)
    rows = live.values_list("event").annotate(
        waiting=Count("pk", filter=Q(state=State.PENDING, attempts=0)),
        running=Count("pk", filter=Q(state=State.LEASED)),
        retrying=Count("pk", filter=Q(state=State.PENDING, attempts__gt=0)),
    )
    found = list(rows)
    return Queue(
        waiting=sum(row[1] for row in found),
        running=sum(row[2] for row in found),
        retrying=sum(row[3] for row in found),
        by_event={row[0]: row[1] + row[2] + row[3] for row in found},
    )


def oldest_unfinished_s() -> float | None:
    """Seconds that the oldest unfinished delivery has waited; None when none does."""
    oldest = Delivery.objects.filter(state__in=LIVE).aggregate(
        age=Extract(Now() - Min("received_at"), "epoch")
    )["age"]
    return None if oldest is None else max(0.0, float(oldest))


def dead_count() -> int:
    return Delivery.objects.filter(state=State.DEAD)[:MOST_COUNTED].count()


def queue_status() -> dict[str, Any]:
    """The plain counts of `GET /omi-webhook/queue-status`."""
    now = queue()
    return {
        "queueLength": now.waiting + now.retrying,
        "processing": now.running > 0,
        "batchSize": settings.QUEUE_BATCH_SIZE,
        "processingInterval": settings.SWEEP_S * 1000,
        "maxConcurrentJobs": settings.QUEUE_MAX_CONCURRENT_JOBS,
        "retryQueueSize": now.retrying,
        "jobTypeCounts": now.by_event,
    }
