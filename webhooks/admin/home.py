"""The inbox on the home page: three figures, who sends, the last day, and how to begin."""

from collections.abc import Iterator

from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse

from omibackend.core.manifest import Figure, Panel
from omibackend.core.redis import metrics
from omibackend.core.show import charts
from omibackend.core.show.human import count, span
from omibackend.core.work.leased import due
from omibackend.core.work.registry import work_types
from webhooks.admin import traffic
from webhooks.inbox import status
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

NOTHING = "\N{EN DASH}"
SLOW_S = 60
MOST_SENDERS = 6
MOST_WAITING = 1000
FINISHED_SHOWN, FINISHED_AT_ONCE = 200, 5
ANSWERS_AT_ONCE = 6  # five-minute buckets in one point of the line


def start(request: HttpRequest) -> Iterator[Panel]:
    """Before anything has ever come in."""
    if not Delivery.objects.exists():
        url = f"{request.scheme}://{request.get_host()}/webhooks/omi/TOKEN/"
        yield Panel("start", "admin/home_start.html", PROVIDERS["omi"].first().curl(url))


def last_day(_: HttpRequest) -> Iterator[Panel]:
    yield Panel("below", "admin/home_traffic.html", traffic.last_day())


def senders(request: HttpRequest) -> Iterator[Panel]:
    """The endpoints heard of last; those that were never used come at the end."""
    sees_deliveries = request.user.has_perm("webhooks.view_delivery")
    counts = traffic.last_day().by_endpoint if sees_deliveries else {}
    enabled = Endpoint.objects.filter(enabled=True).only("name", "provider")
    rows = traffic.with_newest(enabled).order_by(F("last_at").desc(nulls_last=True))
    found = [
        {
            "name": row.name,
            "symbol": PROVIDERS[row.provider].icon if row.provider in PROVIDERS else "webhook",
            "count": counts.get(row.pk, 0),
            "last": row.last_at,
            "link": reverse("admin:webhooks_endpoint_change", args=[row.pk]),
        }
        for row in rows[:MOST_SENDERS]
    ]
    if found:
        yield Panel("beside", "admin/home_senders.html", found)


def figures() -> Iterator[Figure]:
    yield accepted()
    yield answer_time()
    yield oldest_unfinished()


def accepted() -> Figure:
    day = traffic.last_day()
    buckets = metrics.answers()
    good = sum(bucket.accepted for bucket in buckets)
    refused = sum(bucket.refused for bucket in buckets)
    answered = (
        f"{good / (good + refused):.2%} answered 2xx".replace("%", " %") if good + refused else ""
    )
    return Figure(
        name="Accepted, last 24 h",
        value=count(day.accepted),
        unit="",
        note=answered or "no answers measured yet",
        line=charts.sparkline(day.totals, name="Deliveries by half hour"),
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
        line=charts.sparkline(grouped, name="p95 of the answer time by half hour, in ms"),
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
        line=charts.sparkline(
            seconds_to_done(),
            name="Seconds until done, the newest deliveries",
            tone="warn" if age_s and age_s > SLOW_S else "accent",
        ),
        link=f"{_deliveries()}?state=unfinished",
    )


def waiting_by_lane() -> dict[str, int]:
    waiting: dict[str, int] = {}
    for kind in work_types.values():
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


def _deliveries() -> str:
    return reverse("admin:webhooks_delivery_changelist")
