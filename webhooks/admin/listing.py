"""The list of deliveries: filters and pages whose cost does not grow with the table."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from omibackend.core.admin.lists import LookupFilter
from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.work.leased import LIVE, State
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

EVENTS_FROM = 2000
EVENTS_KEPT_S = 60
MOST_ENDPOINTS = 100
DAYS_OFFERED = 8
FOUND = 1000
LOOKED_THROUGH = 50_000
AROUND = timedelta(minutes=10)

# It failed at least once and is not done: dead, or waiting for another try.
RETRYING = Q(state__in=LIVE, attempts__gt=0) & ~Q(last_error="")
STATES: dict[str, tuple[str, Q]] = {
    "failed": ("Failed", Q(state=State.DEAD) | RETRYING),
    "dead": ("Dead", Q(state=State.DEAD)),
    "unfinished": ("Unfinished", Q(state__in=LIVE)),
    "done": ("Done", Q(state=State.DONE)),
    "ignored": ("Ignored", Q(state=State.IGNORED)),
}
SPANS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
}


def titles(offered: dict[str, tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(key, title) for key, (title, _) in offered.items()]


class Narrowing(SimpleListFilter):
    """By a condition, once something is chosen."""

    def wanted(self, value: str) -> Q:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(self.wanted(value)) if value else queryset


class StateFilter(LookupFilter):
    title = parameter_name = "state"
    choosable = STATES


class WhenFilter(Narrowing):
    """A span up to now, one day (`2026-11-21`) or one hour (`2026-11-21T14`)."""

    title = "time received"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return titles(SPANS)

    def wanted(self, value: str) -> Q:
        first, end = bounds(value)
        return Q(pk__gte=first_uuid7(first), pk__lt=first_uuid7(end))


def bounds(value: str) -> tuple[datetime, datetime]:
    if value in SPANS:
        now = timezone.now()
        return now - SPANS[value][1], now + timedelta(minutes=1)
    try:
        moment = datetime.fromisoformat(value)
        first = timezone.make_aware(moment.replace(tzinfo=None))
        return first, first + timedelta(hours=1 if "T" in value else 24)
    except (ValueError, OverflowError) as error:
        raise IncorrectLookupParameters from error


class ProviderFilter(Narrowing):
    title = "sender"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(provider.name, provider.label) for provider in PROVIDERS.values()]

    def wanted(self, value: str) -> Q:
        """By the endpoints' ids, for which there is an index."""
        ids = Endpoint.objects.filter(provider=value).values_list("pk", flat=True)
        return Q(endpoint__in=list(ids))


class EndpointFilter(Narrowing):
    title = parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = Endpoint.objects.values_list("pk", "name")[:MOST_ENDPOINTS]
        return [(str(pk), name) for pk, name in rows]

    def wanted(self, value: str) -> Q:
        uuid = _uuid(value)
        if uuid is None:
            raise IncorrectLookupParameters
        return Q(endpoint=uuid)


class EventFilter(Narrowing):
    title = parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = cache.get_or_set("deliveries:events", _recent_events, EVENTS_KEPT_S) or []
        return [(name, name) for name in names]

    def wanted(self, value: str) -> Q:
        return Q(event=value)


def _recent_events() -> list[str]:
    newest = Delivery.objects.order_by("-id").values_list("event", flat=True)[:EVENTS_FROM]
    return sorted(set(newest))


def search(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Exactly an id, the sender's own id, or a request id. Never what a body says."""
    uuid = _uuid(term)
    # Naming the endpoints lets the planner use the unique index on (endpoint, dedup_key).
    endpoints = list(Endpoint.objects.values_list("pk", flat=True))
    by_key = Delivery.objects.filter(endpoint__in=endpoints, dedup_key=term)
    by_request = _around(uuid).filter(request_id=term)
    found = {*by_key.values_list("pk", flat=True)[:FOUND], *by_request[:FOUND]}
    return rows.filter(pk__in=[*found, uuid] if uuid else list(found))


def _around(made: UUID | None) -> QuerySet[Any]:
    """The ids among which a request id can be: of one that we made, those of the same minutes;
    else the newest. There is no index of request ids."""
    ids = Delivery.objects.order_by("-id").values_list("pk", flat=True)
    if made is not None and made.version == 7:
        at = datetime.fromtimestamp((made.int >> 80) / 1000, UTC)
        return ids.filter(pk__gte=first_uuid7(at - AROUND), pk__lt=first_uuid7(at + AROUND))
    oldest = ids[LOOKED_THROUGH : LOOKED_THROUGH + 1].first()
    return ids.filter(pk__gt=oldest) if oldest else ids


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# --- what stands above the list -------------------------------------------------


def above(request: HttpRequest) -> dict[str, Any]:
    state, when = request.GET.get("state", ""), request.GET.get("when", "")
    chosen = _day(when)
    states = [("", "All"), *titles(STATES)]
    return {
        "states": list(_choices(request, "state", state, states)),
        "times": list(_choices(request, "when", when.partition("T")[0], _times())),
        "hours": list(_choices(request, "when", when, _hours(chosen))) if chosen else [],
        # Any other day: what its form has to carry on.
        "carried": [
            (name, value)
            for name, value in request.GET.dict().items()
            if name not in ("when", "p", "e")
        ],
        "day": chosen.isoformat() if chosen else "",
        "replay_link": f"?{request.GET.urlencode()}" if _narrowed(request) else "",
    }


def _narrowed(request: HttpRequest) -> bool:
    return any(value for name, value in request.GET.items() if name not in ("p", "o", "e", "all"))


def _times() -> Iterator[tuple[str, str]]:
    yield "", "Any time"
    yield from titles(SPANS)
    today = timezone.localdate()
    for back in range(DAYS_OFFERED):
        day = today - timedelta(days=back)
        yield day.isoformat(), "Today" if not back else f"{day:%a} {day.day}"


def _hours(day: date) -> list[tuple[str, str]]:
    return [(f"{day.isoformat()}T{hour:02}", f"{hour:02}") for hour in range(24)]


def _day(when: str) -> date | None:
    try:
        return datetime.fromisoformat(when).date()
    except ValueError:
        return None


def _choices(request: HttpRequest, name: str, now: str, offered: Any) -> Iterator[dict[str, Any]]:
    for value, title in offered:
        query = request.GET.copy()
        for gone in ("p", "e", name):
            query.pop(gone, None)
        if value:
            query[name] = value
        yield {"title": title, "link": f"?{query.urlencode()}", "on": value == now}
