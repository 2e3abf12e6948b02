"""The first page of the admin: four figures, what needs a person, who sends, the last day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from memories.models import Memory
from omibackend.core.redis import metrics
from omibackend.core.show import svg
from omibackend.core.show.human import count, several, span
from omibackend.core.work.leased import WorkTypes, due
from webhooks.admin import needs, traffic
from webhooks.admin.needs import Need
from webhooks.admin.traffic import Traffic
from webhooks.inbox import status
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

NOTHING = "\N{EN DASH}"
SLOW_S = 60
MOST_SENDERS = 6
MOST_WAITING = 1000
FINISHED_SHOWN, FINISHED_AT_ONCE = 200, 5
ANSWERS_AT_ONCE = 6  # five-minute buckets in one point of the line
DAYS = 7


@dataclass(frozen=True)
class Figure:
    """One card. `value` without data is a dash; 0 is a measurement."""

    name: str
    value: str
    unit: str
    note: str
    line: SafeString
    link: str


@dataclass(frozen=True)
class Sender:
    name: str
    symbol: str
    count: int
    last: datetime | None
    link: str


@dataclass(frozen=True)
class Home:
    figures: list[Figure]
    needs: list[Need]
    senders: list[Sender]
    traffic: Traffic | None
    bars: SafeString
    empty: bool
    curl: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Everything in one name: unfold's own templates read many a common one."""
    return {
        **context,
        "title": "Home",
        "page": home(request.user, origin=f"{request.scheme}://{request.get_host()}"),
    }


def home(user: Any, *, origin: str) -> Home:
    sees_deliveries = user.has_perm("webhooks.view_delivery")
    last = traffic.last_deliveries()
    day = traffic.last_day() if sees_deliveries and last else None
    figures = [accepted(day), answer_time(), oldest_unfinished()] if sees_deliveries else []
    if user.has_perm("memories.view_memory"):
        figures.append(memories_this_week())
    return Home(
        figures=figures,
        needs=needs.needs(user, last),
        senders=senders(last, day) if user.has_perm("webhooks.view_endpoint") else [],
        traffic=day,
        bars=svg.bars(day.bars(), name="Deliveries by half hour") if day else SafeString(""),
        empty=not last,
        curl="" if last else PROVIDERS["omi"].first().curl(f"{origin}/webhooks/omi/TOKEN/"),
    )


def accepted(day: Traffic | None) -> Figure:
    buckets = metrics.answers()
    good = sum(bucket.accepted for bucket in buckets)
    refused = sum(bucket.refused for bucket in buckets)
    answered = (
        f"{good / (good + refused):.2%} answered 2xx".replace("%", " %") if good + refused else ""
    )
    return Figure(
        name="Accepted, last 24 h",
        value=count(day.accepted) if day else NOTHING,
        unit="",
        note=answered or "no answers measured yet",
        line=svg.sparkline(day.totals if day else [], name="Deliveries by half hour"),
        link=f"{_deliveries()}?when=day",
    )


def answer_time() -> Figure:
    """Upper edges of a histogram: the time that so many answers kept within."""
    buckets = metrics.answers()
    p50, p95, p99 = (metrics.percentile_ms(buckets, share) for share in (0.5, 0.95, 0.99))
    grouped = [
        metrics.percentile_ms(buckets[start : start + ANSWERS_AT_ONCE], 0.95)
        for start in range(0, len(buckets), ANSWERS_AT_ONCE)
    ]
    return Figure(
        name="Answer time p95",
        value=NOTHING if p95 is None else f"≤ {p95:g}",
        unit="" if p95 is None else "ms",
        note=f"p50 ≤ {p50:g} ms · p99 ≤ {p99:g} ms" if p50 and p99 else "no answers measured yet",
        line=svg.sparkline(grouped, name="p95 of the answer time by half hour, in ms"),
        link=_deliveries(),
    )


def oldest_unfinished() -> Figure:
    age_s = status.oldest_unfinished_s()
    waiting = {lane: number for lane, number in waiting_by_lane().items() if number}
    said = ", ".join(f"{lane} {count(number)}" for lane, number in waiting.items())
    value, _, unit = span(age_s).partition(" ") if age_s is not None else (NOTHING, "", "")
    return Figure(
        name="Oldest unfinished",
        value=value,
        unit=unit,
        note=f"due now: {said}" if said else "nothing is due",
        line=svg.sparkline(
            seconds_to_done(),
            name="Seconds until done, the newest deliveries",
            tone="warn" if age_s and age_s > SLOW_S else "accent",
        ),
        link=f"{_deliveries()}?state=unfinished",
    )


def waiting_by_lane() -> dict[str, int]:
    waiting: dict[str, int] = {}
    for kind in WorkTypes.registered.values():
        number = kind.model._default_manager.filter(due())[:MOST_WAITING].count()
        waiting[kind.lane] = waiting.get(kind.lane, 0) + number
    return waiting


def seconds_to_done() -> list[float]:
    """Of the newest deliveries, oldest first: the slowest of every few."""
    newest = Delivery.objects.order_by("-id").values_list("received_at", "finished_at")
    took_s = [
        round(max((done - came).total_seconds(), 0), 3)
        for came, done in reversed(newest[:FINISHED_SHOWN])
        if done
    ]
    starts = range(0, len(took_s), FINISHED_AT_ONCE)
    return [max(took_s[start : start + FINISHED_AT_ONCE]) for start in starts]


def memories_this_week() -> Figure:
    today = timezone.localdate()
    since = timezone.now() - timedelta(days=DAYS)
    rows = Memory.objects.filter(occurred_at__gte=since, occurred_at__lte=timezone.now())
    by_day = dict(
        rows.order_by()
        .annotate(day=TruncDate("occurred_at"))
        .values_list("day")
        .annotate(Count("pk"))
    )
    days = [by_day.get(today - timedelta(days=back), 0) for back in range(DAYS - 1, -1, -1)]
    total = sum(by_day.values())
    return Figure(
        name="Memories this week",
        value=count(total),
        unit="",
        note=f"{several(days[-1], 'memory', 'memories')} today",
        line=svg.sparkline(days if total else [], name="Memories by day"),
        link=reverse("admin:memories_memory_changelist"),
    )


def senders(last: dict[UUID, datetime], day: Traffic | None) -> list[Sender]:
    """The endpoints heard of last; those that were never used come at the end."""
    known = Endpoint.objects.filter(enabled=True).only("name", "provider")
    rows = sorted(known, key=lambda row: last[row.pk].timestamp() if row.pk in last else 0)
    return [
        Sender(
            name=row.name,
            symbol=PROVIDERS[row.provider].icon if row.provider in PROVIDERS else "webhook",
            count=day.by_endpoint.get(row.pk, 0) if day else 0,
            last=last.get(row.pk),
            link=reverse("admin:webhooks_endpoint_change", args=[row.pk]),
        )
        for row in reversed(rows[-MOST_SENDERS:])
    ]


def _deliveries() -> str:
    return reverse("admin:webhooks_delivery_changelist")
