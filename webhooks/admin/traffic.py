"""What came in during the last day, from rows, at a cost that does not grow with the table.

Ids are time-ordered, so a day is a range of ids and its half hours are its buckets: each
endpoint's part is one walk over `delivery_endpoint_id` that touches no row.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.safestring import SafeString

from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.show import charts
from omibackend.core.work.leased import LIVE, State
from webhooks.models import Delivery, Endpoint

BUCKET = timedelta(minutes=30)
BUCKETS = 48
KEPT_S = 15
MOST_FAILED = 5000

COUNTED = """
SELECT e.id, b.bucket, b.number
FROM webhooks_endpoint e CROSS JOIN LATERAL (
    SELECT width_bucket(d.id, %s::uuid[]) AS bucket, count(*) AS number
    FROM webhooks_delivery d WHERE d.endpoint_id = e.id AND d.id >= %s GROUP BY 1
) b
"""


@dataclass(frozen=True)
class Traffic:
    """`totals[i]` came in from `starts[i]` on; of them `failed[i]` are dead or will be retried."""

    starts: list[datetime]
    totals: list[int]
    failed: list[int]
    by_endpoint: dict[UUID, int]

    @property
    def accepted(self) -> int:
        return sum(self.totals)

    def bars(self) -> SafeString:
        shown = [
            charts.Bar(f"{timezone.localtime(start):%H:%M}", total, failed)
            for start, total, failed in zip(self.starts, self.totals, self.failed, strict=True)
        ]
        return charts.bars(shown, name="Deliveries by half hour")


def last_day() -> Traffic:
    """Shared by all staff for a few seconds: everybody's home shows the same."""
    found = cache.get_or_set("home:traffic", _last_day, KEPT_S)
    assert isinstance(found, Traffic)  # noqa: S101 (the cache's type is unknown)
    return found


def _last_day() -> Traffic:
    now = timezone.now()
    bounds = [first_uuid7(now - BUCKET * (BUCKETS - index)) for index in range(BUCKETS)]
    totals: Counter[int] = Counter()
    by_endpoint: Counter[UUID] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, [[str(bound) for bound in bounds], bounds[0]])
        for endpoint_id, bucket, number in cursor.fetchall():
            totals[bucket - 1] += number
            by_endpoint[endpoint_id] += number
    failed = Counter(_bucket(found, bounds) for found in _failed_ids(bounds[0]))
    return Traffic(
        starts=[now - BUCKET * (BUCKETS - index) for index in range(BUCKETS)],
        totals=[totals[index] for index in range(BUCKETS)],
        failed=[failed[index] for index in range(BUCKETS)],
        by_endpoint=dict(by_endpoint),
    )


def _failed_ids(since: UUID) -> list[UUID]:
    """Two queries, since each has its partial index."""
    rows = Delivery.objects.filter(pk__gte=since).values_list("pk", flat=True)
    dead = rows.filter(state=State.DEAD)[:MOST_FAILED]
    retrying = rows.filter(Q(state__in=LIVE), attempts__gt=0).exclude(last_error="")[:MOST_FAILED]
    return [*dead, *retrying]


def _bucket(found: UUID, bounds: list[UUID]) -> int:
    return sum(bound <= found for bound in bounds) - 1


def with_newest(endpoints: QuerySet[Endpoint]) -> QuerySet[Any]:
    """`last_at` and `last_error` of its newest delivery, by probes of the index per endpoint."""
    newest = Delivery.objects.filter(endpoint=OuterRef("pk")).order_by("-pk")
    return endpoints.annotate(
        last_at=Subquery(newest.values("received_at")[:1]),
        last_error=Subquery(newest.values("last_error")[:1]),
    )
