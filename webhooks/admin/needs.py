"""What of endpoints and deliveries waits for a person."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from omibackend.core.manifest import Need
from omibackend.core.show.human import ago, several, span
from omibackend.core.work.leased import State
from webhooks.admin.traffic import with_newest
from webhooks.inbox import refusals
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

MOST_DEAD = 500
MOST_BADGED, BADGE_KEPT_S = 99, 10
MOST_CAUSES = 5
MOST_ENDPOINTS = 200
LOOKED_BACK = 200
SILENT_AFTER = timedelta(days=2)
# The share of the failures in a row that make a sender give up.
WARN_FROM, ALARM_FROM = 0.2, 0.6
FAILURES_WITHOUT_LIMIT = 20

LONGEST_PAUSE = """
SELECT max(pause) FROM (
    SELECT received_at - lag(received_at) OVER (ORDER BY id) AS pause FROM (
        SELECT id, received_at FROM webhooks_delivery
        WHERE endpoint_id = %s ORDER BY id DESC LIMIT %s
    ) newest
) pauses
"""


def badge() -> dict[str, Any]:
    """Unfold shows a badge at zero too, so there is none at zero."""
    dead = Delivery.objects.filter(state=State.DEAD)[: MOST_BADGED + 1]
    number = cache.get_or_set("navigation:dead", dead.count, BADGE_KEPT_S) or 0
    words = str(number) if number <= MOST_BADGED else f"{MOST_BADGED}+"
    return {"badge": words, "badge_variant": "danger", "badge_style": "solid"} if number else {}


def dead_deliveries() -> Iterator[Need]:
    """By cause: a model that was away for an hour is one row, not four hundred."""
    rows = Delivery.objects.filter(state=State.DEAD).order_by("-id").select_related("endpoint")
    causes: dict[str, list[Delivery]] = defaultdict(list)
    for row in rows.only("last_error", "finished_at", "received_at", "endpoint__name")[:MOST_DEAD]:
        causes[row.last_error].append(row)
    by_size = sorted(causes.items(), key=lambda item: -len(item[1]))
    for error, dead in by_size[:MOST_CAUSES]:
        yield _dead(error, dead)
    if rest := [row for _, dead in by_size[MOST_CAUSES:] for row in dead]:
        yield _dead(f"{several(len(by_size) - MOST_CAUSES, 'other cause')}", rest)


def _dead(error: str, dead: list[Delivery]) -> Need:
    names = sorted({row.endpoint.name for row in dead})
    where = ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
    one = len(dead) == 1
    listed = reverse("admin:webhooks_delivery_changelist")
    more = " or more" if len(dead) == MOST_DEAD else ""
    return Need(
        tone="bad",
        symbol="error",
        sentence="1 delivery is dead" if one else f"{len(dead)}{more} deliveries are dead",
        reason=f"{where}: {error or 'no error was recorded'}".rstrip("."),
        since=min(row.finished_at or row.received_at for row in dead),
        verb="Look",
        link=_page(dead[0]) if one else f"{listed}?state=dead",
    )


def endpoints() -> Iterator[Need]:
    enabled = Endpoint.objects.filter(enabled=True).order_by("-id")
    for endpoint in with_newest(enabled)[:MOST_ENDPOINTS]:
        seen = endpoint.last_at
        found = (old_secret(endpoint), failing(endpoint, seen), silent(endpoint, seen))
        yield from (need for need in found if need)


def old_secret(endpoint: Endpoint) -> Need | None:
    if not endpoint.accepts_previous_secret:
        return None
    newest = Delivery.objects.filter(endpoint=endpoint).order_by("-id")
    used = [
        received_at
        for signature, received_at in newest.values_list("signature", "received_at")[:LOOKED_BACK]
        if signature == "previous secret"
    ]
    since = endpoint.rotated_at or endpoint.created_at
    return Need(
        tone="warn" if used else "info",
        symbol="key",
        sentence=f"Endpoint “{endpoint.name}” still {'uses' if used else 'accepts'} its old secret",
        reason=(
            f"Used {ago(used[0])}: give the sender the new one, then retire the old"
            if used
            else "No recent delivery used it: it can be retired"
        ),
        since=since,
        verb="Open" if used else "Retire",
        link=_page(endpoint),
    )


def failing(endpoint: Endpoint, seen: datetime | None) -> Need | None:
    """Refused so often in a row that the sender may soon stop sending."""
    provider = PROVIDERS.get(endpoint.provider)
    limit = provider.gives_up_after if provider else None
    refused = refusals.running_failures(endpoint.pk, since=seen)
    share = refused / (limit or FAILURES_WITHOUT_LIMIT)
    if share < WARN_FROM:
        return None
    samples = refusals.samples(endpoint.pk)
    why = samples[0].detail if samples else ""
    return Need(
        tone="bad" if share >= ALARM_FROM else "warn",
        symbol="block",
        sentence=f"“{endpoint.name}” was refused {several(refused, 'time')} in a row",
        reason=f"{why} {provider.gives_up if provider else ''}".strip(" ."),
        since=seen or endpoint.created_at,
        verb="Look",
        link=_page(endpoint),
    )


def silent(endpoint: Endpoint, seen: datetime | None) -> Need | None:
    """Quiet for longer than two days and than twice its longest pause before."""
    if seen is None or timezone.now() - seen < SILENT_AFTER:
        return None
    with connection.cursor() as cursor:
        cursor.execute(LONGEST_PAUSE, [endpoint.pk, LOOKED_BACK])
        pause: timedelta | None = cursor.fetchone()[0]
    if pause is None or timezone.now() - seen < pause * 2:
        return None
    return Need(
        tone="info",
        symbol="notifications_paused",
        sentence=f"“{endpoint.name}” has gone quiet",
        reason=f"Its longest pause before was {span(pause.total_seconds())}",
        since=seen,
        verb="Look",
        link=_page(endpoint),
    )


def _page(row: Delivery | Endpoint) -> str:
    return reverse(f"admin:webhooks_{row._meta.model_name}_change", args=[row.pk])
