"""What waits for a person: each row says what, why, since when, and offers one thing to do."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from conversations.models import Question
from emg.admin.listing import NOT_ANALYSED, flags_of
from emg.models import Recording
from emg.pages.words import FLAGS, SEVERE
from omibackend.core.show.human import ago, several, span
from omibackend.core.work.leased import State
from omibackend.prompts.models import PromptRun
from webhooks.inbox import refusals
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

MOST_DEAD = 500
MOST_CAUSES = 5
MOST_ENDPOINTS = 200
LOOKED_BACK = 200
QUESTIONS_LOOKED_BACK = 500
RUNS_LOOKED_BACK = 500
RECORDINGS_LOOKED_BACK = 500
# Their flags are read out of the metrics, which are long.
RECORDINGS_CHECKED = 30
RECORDED_WITHIN = timedelta(days=2)
SILENT_AFTER = timedelta(days=2)
# The share of the failures in a row that make a sender give up.
WARN_FROM, ALARM_FROM = 0.2, 0.6
FAILURES_WITHOUT_LIMIT = 20
RANKS = {"bad": 0, "warn": 1, "info": 2}

LONGEST_PAUSE = """
SELECT max(pause) FROM (
    SELECT received_at - lag(received_at) OVER (ORDER BY id) AS pause FROM (
        SELECT id, received_at FROM webhooks_delivery
        WHERE endpoint_id = %s ORDER BY id DESC LIMIT %s
    ) newest
) pauses
"""


@dataclass(frozen=True)
class Need:
    tone: str
    symbol: str
    sentence: str
    reason: str
    since: datetime
    verb: str
    link: str


def needs(user: Any, last: dict[UUID, datetime]) -> list[Need]:
    """What this user may see of it: red before amber before blue, the longest waiting first."""
    found: list[Need] = []
    if user.has_perm("webhooks.view_delivery"):
        found += dead_deliveries()
    if user.has_perm("webhooks.view_endpoint"):
        found += endpoints(last)
    if user.has_perm("conversations.view_omisession"):
        found += unanswered()
    if user.has_perm("emg.view_recording"):
        found += failed_recordings()
        found += unusable_recordings()
    if user.has_perm("prompts.view_promptrun"):
        found += failed_prompts()
    return sorted(found, key=lambda need: (RANKS[need.tone], need.since))


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
    more = " or more" if len(dead) == MOST_DEAD else ""
    return Need(
        tone="bad",
        symbol="error",
        sentence="1 delivery is dead" if one else f"{len(dead)}{more} deliveries are dead",
        reason=f"{where}: {error or 'no error was recorded'}".rstrip("."),
        since=min(row.finished_at or row.received_at for row in dead),
        verb="Look",
        link=_page(dead[0]) if one else f"{_list('delivery')}?{urlencode({'state': 'dead'})}",
    )


def endpoints(last: dict[UUID, datetime]) -> Iterator[Need]:
    for endpoint in Endpoint.objects.filter(enabled=True).order_by("-id")[:MOST_ENDPOINTS]:
        seen = last.get(endpoint.pk)
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


def unanswered() -> Iterator[Need]:
    """Questions whose answer failed for good, without their words."""
    newest = Question.objects.order_by("-id").values("pk")[:QUESTIONS_LOOKED_BACK]
    rows = Question.objects.filter(pk__in=newest, state=State.DEAD).order_by("id")
    dead = list(rows.values_list("asked_at", "session_id", "last_error"))
    if not dead:
        return
    _, session_id, error = dead[-1]
    sessions = reverse("admin:conversations_omisession_changelist")
    yield Need(
        tone="warn",
        symbol="contact_support",
        sentence=f"{several(len(dead), 'spoken question')} could not be answered",
        reason=error or "No error was recorded.",
        since=dead[0][0],
        verb="Look",
        link=f"{sessions}{session_id}/change/" if session_id else sessions,
    )


def failed_recordings() -> Iterator[Need]:
    """Files that could not be analysed. One that was analysed before stays so, and is no need."""
    newest = Recording.objects.order_by("-id").values("pk")[:RECORDINGS_LOOKED_BACK]
    rows = Recording.objects.filter(NOT_ANALYSED, pk__in=newest)
    dead = list(rows.order_by("id").values_list("pk", "created_at", "last_error"))
    if not dead:
        return
    pk, _, error = dead[-1]
    listed = f"{_recordings()}?{urlencode({'status': 'failed'})}"
    yield Need(
        tone="bad",
        symbol="monitor_heart",
        sentence=f"{several(len(dead), 'recording')} could not be analysed",
        reason=(error or "No error was recorded").rstrip("."),
        since=dead[0][1],
        verb="Look",
        link=f"{_recordings()}{pk}/change/" if len(dead) == 1 else listed,
    )


def unusable_recordings() -> Iterator[Need]:
    """A channel of the latest recordings is flat, too short or without a contraction: the patient
    may still be in the house."""
    since = timezone.now() - RECORDED_WITHIN
    rows = Recording.objects.filter(created_at__gte=since, analysed_at__isnull=False)
    created = dict(rows.order_by("-id").values_list("pk", "created_at")[:RECORDINGS_CHECKED])
    flags = flags_of(list(created))
    bad = [pk for pk in created if SEVERE.intersection(flags.get(pk, ()))]
    if not bad:
        return
    codes = sorted({code for pk in bad for code in SEVERE.intersection(flags[pk])})
    yield Need(
        tone="warn",
        symbol="sensors_off",
        sentence=f"{several(len(bad), 'recording')} with a channel that cannot be scored",
        reason=", ".join(FLAGS[code] for code in codes),
        since=min(created[pk] for pk in bad),
        verb="Look",
        link=f"{_recordings()}{bad[0]}/change/",
    )


def _recordings() -> str:
    return reverse("admin:emg_recording_changelist")


def failed_prompts() -> Iterator[Need]:
    """Runs of prompts that failed for good, without their words."""
    newest = PromptRun.objects.order_by("-id").values("pk")[:RUNS_LOOKED_BACK]
    rows = PromptRun.objects.filter(pk__in=newest, state=State.DEAD).order_by("id")
    dead = list(rows.values_list("created_at", "template__name", "last_error"))
    if not dead:
        return
    names = ", ".join(sorted({f"“{name}”" for _, name, _ in dead})[:2])
    yield Need(
        tone="warn",
        symbol="auto_awesome",
        sentence=f"{several(len(dead), 'run of a prompt', 'runs of prompts')} failed",
        reason=f"{names}: {dead[-1][2] or 'no error was recorded'}".rstrip("."),
        since=dead[0][0],
        verb="Look",
        link=f"{reverse('admin:prompts_promptrun_changelist')}?state__exact={State.DEAD}",
    )


def _list(model: str) -> str:
    return reverse(f"admin:webhooks_{model}_changelist")


def _page(row: Delivery | Endpoint) -> str:
    return reverse(f"admin:webhooks_{row._meta.model_name}_change", args=[row.pk])
