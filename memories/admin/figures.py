"""Memories on the home page."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone

from memories.models import Memory
from omibackend.core.manifest import Figure
from omibackend.core.show import charts
from omibackend.core.show.human import count, several

DAYS = 7


def this_week() -> Iterator[Figure]:
    today = timezone.localdate()
    since = timezone.now() - timedelta(days=DAYS)
    rows = Memory.objects.filter(occurred_at__gte=since, occurred_at__lte=timezone.now())
    dated = rows.order_by().annotate(day=TruncDate("occurred_at"))
    by_day = dict(dated.values_list("day").annotate(Count("pk")))
    days = [by_day.get(today - timedelta(days=back), 0) for back in range(DAYS - 1, -1, -1)]
    total = sum(by_day.values())
    yield Figure(
        name="Memories this week",
        value=count(total),
        unit="",
        note=f"{several(days[-1], 'memory', 'memories')} today",
        line=charts.sparkline(days if total else [], name="Memories by day"),
        link=reverse("admin:memories_memory_changelist"),
    )
