"""Which runs there are to be: one for each prompt, person and cause, however often it is told."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from conversations.models import OmiSession
from memories.models import Kind, Memory
from omibackend.accounts.models import Preferences, User
from omibackend.core.ids import uuid7
from omibackend.core.leased import Became, State
from omibackend.prompts.material import FRESH, is_usable
from omibackend.prompts.models import Outcome, PromptRun, PromptTemplate, Trigger
from omibackend.prompts.schedule import latest_slot

CHANGED = frozenset({"created", "updated"})
# After the silence that ends a session, the time that Omi takes to send its final transcript.
GRACE_S = 30
# A slot that nobody was there for is made up for until then.
LATEST_SLOT = timedelta(hours=1)
# How far back "Run now" looks for a memory that may be used.
LOOKED_BACK = 50
LIMIT = "The day's limit of {} is reached."
OLD = "It is more than a week old."


@dataclass(frozen=True)
class Happened:
    """What became of a delivery, and whose it is; `live`: its words were heard just now."""

    person_id: int
    delivery_id: UUID
    became: Became
    live: bool

    def ids(self, kind: str) -> list[UUID]:
        """Of the rows that are new, or new in what they say. What was deleted before by its
        owner tells that the whole conversation is over and done with."""
        if any(row["how"] == "deleted before" for row in self.became):
            return []
        rows = (row for row in self.became if row["kind"] == kind and row["how"] in CHANGED)
        return [UUID(row["id"]) for row in rows]


@dataclass(frozen=True)
class Wanted:
    """A run that is to be, unless there is one."""

    template: PromptTemplate
    person_id: int
    cause: str
    subject_id: UUID | None = None
    delivery_id: UUID | None = None
    wait_s: int = 0
    why_not: str = ""

    @property
    def key(self) -> tuple[UUID, int, str]:
        return (self.template.pk, self.person_id, self.cause)


def after_deliveries(happened: Sequence[Happened]) -> list[PromptRun]:
    """In the transaction of the deliveries' effects."""
    people = {one.person_id for one in happened}
    templates = PromptTemplate.objects.filter(
        Q(owner=None) | Q(owner__in=people),
        enabled=True,
        trigger__in=[Trigger.MEMORY_CREATED, Trigger.TRANSCRIPT_END],
    )
    by_trigger: dict[str, list[PromptTemplate]] = {}
    for template in templates:
        by_trigger.setdefault(template.trigger, []).append(template)
    wanted: list[Wanted] = []
    if found := by_trigger.get(Trigger.MEMORY_CREATED):
        wanted += _of_memories(found, happened)
    if found := by_trigger.get(Trigger.TRANSCRIPT_END):
        wanted += _of_sessions(found, happened)
    return insert(wanted)


def _for(templates: Iterable[PromptTemplate], person_id: int) -> list[PromptTemplate]:
    return [template for template in templates if template.owner_id in (None, person_id)]


def _of_memories(templates: Sequence[PromptTemplate], happened: Sequence[Happened]) -> list[Wanted]:
    told = {pk: one for one in happened for pk in one.ids("memory")}
    if not told:
        return []
    memories = Memory.objects.filter(pk__in=told, kind=Kind.CONVERSATION)
    return [
        Wanted(
            template,
            memory.owner_id,
            # Its words name the version: what says the same is no other one.
            f"memory:{memory.pk}:{memory.content_hash[:16]}",
            subject_id=memory.pk,
            delivery_id=told[memory.pk].delivery_id,
            why_not=_too_old(memory.finished_at or memory.occurred_at),
        )
        for memory in memories
        if is_usable(memory)
        for template in _for(templates, memory.owner_id)
    ]


def _of_sessions(templates: Sequence[PromptTemplate], happened: Sequence[Happened]) -> list[Wanted]:
    told = {pk: one for one in happened for pk in one.ids("session")}
    if not told:
        return []
    wait_s = settings.SESSION_GAP_SECONDS + GRACE_S
    rows = OmiSession.objects.filter(pk__in=told).only("owner_id", "last_received_at")
    return [
        Wanted(
            template,
            session.owner_id,
            f"session:{session.pk}",
            subject_id=session.pk,
            delivery_id=told[session.pk].delivery_id,
            wait_s=wait_s if told[session.pk].live else 0,
            why_not=_too_old(session.last_received_at),
        )
        for session in rows
        for template in _for(templates, session.owner_id)
    ]


def _too_old(at: datetime) -> str:
    return OLD if at < timezone.now() - FRESH else ""


def scheduled() -> list[PromptRun]:
    """The runs of the slots that have just come, on each person's own clock."""
    templates = PromptTemplate.objects.filter(enabled=True, trigger=Trigger.SCHEDULE)
    found = list(templates.annotate(now=Now()))
    if not found:
        return []
    people = _time_zones(User.objects.filter(is_active=True).values_list("pk", flat=True))
    wanted: list[Wanted] = []
    for template in found:
        now: datetime = template.now
        since = max(template.active_since, now - LATEST_SLOT)
        slots = {zone: latest_slot(template.cron, now, zone) for zone in set(people.values())}
        wanted += [
            Wanted(
                template, person_id, f"slot:{slots[zone].astimezone(ZoneInfo('UTC')):%Y%m%dT%H%MZ}"
            )
            for person_id, zone in people.items()
            if template.owner_id in (None, person_id) and slots[zone] >= since
        ]
    return insert(wanted)


def by_hand(template: PromptTemplate, person_id: int) -> Wanted | None:
    """A run because somebody asked for one, about the latest there is; None: there is nothing."""
    subject_id = latest_subject(template, person_id)
    if subject_id is None and template.trigger != Trigger.SCHEDULE:
        return None
    return Wanted(template, person_id, f"hand:{uuid7()}", subject_id=subject_id)


def latest_subject(template: PromptTemplate, person_id: int) -> UUID | None:
    if template.trigger == Trigger.MEMORY_CREATED:
        latest = Memory.objects.filter(owner_id=person_id, kind=Kind.CONVERSATION)[:LOOKED_BACK]
        return next((memory.pk for memory in latest if is_usable(memory)), None)
    if template.trigger == Trigger.TRANSCRIPT_END:
        sessions = OmiSession.objects.filter(owner_id=person_id, segment_count__gt=0)
        return sessions.values_list("pk", flat=True).first()
    return None


def _time_zones(people: Iterable[int]) -> dict[int, str]:
    ids = list(people)
    kept = Preferences.objects.filter(user_id__in=ids).values_list("user_id", "time_zone")
    return {**dict.fromkeys(ids, "UTC"), **dict(kept)}


def insert(wanted: Sequence[Wanted]) -> list[PromptRun]:
    """Makes the runs that are not there yet, in the caller's transaction, up to each person's
    limit for the day; what waits for a conversation to end waits anew."""
    ordered = sorted({one.key: one for one in wanted}.values(), key=lambda one: one.key)
    if not ordered:
        return []
    _take_turns(ordered)
    there = _there(ordered)
    _wait_anew([one for one in ordered if one.key in there])
    fresh = [one for one in ordered if one.key not in there]
    if not fresh:
        return []
    days = _days(one.person_id for one in fresh)
    spent = _spent(fresh, set(days.values()))
    rows = []
    for one in fresh:
        counted = (one.template.pk, one.person_id, days[one.person_id])
        spent[counted] += not one.why_not
        over = spent[counted] > one.template.most_runs_per_day
        why_not = one.why_not or (LIMIT.format(one.template.most_runs_per_day) if over else "")
        rows.append(_row(one, days[one.person_id], why_not))
    return PromptRun.objects.bulk_create(rows)


def _row(one: Wanted, day: Any, why_not: str) -> PromptRun:
    run = PromptRun(
        template=one.template,
        person_id=one.person_id,
        cause=one.cause,
        subject_id=one.subject_id,
        delivery_id=one.delivery_id,
        day=day,
        next_attempt_at=Now() + timedelta(seconds=one.wait_s),
    )
    if why_not:
        run.state, run.outcome, run.why = State.IGNORED, Outcome.NOT_RUN, why_not
        run.finished_at = timezone.now()
    return run


def _take_turns(wanted: Iterable[Wanted]) -> None:
    """Until the transaction ends nobody else counts these people's runs of these prompts."""
    keys = dict.fromkeys(f"prompt:{one.template.pk}:{one.person_id}" for one in wanted)
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _there(wanted: Sequence[Wanted]) -> set[tuple[UUID, int, str]]:
    rows = _like(wanted).filter(cause__in={one.cause for one in wanted})
    return set(rows.values_list("template_id", "person_id", "cause"))


def _like(wanted: Sequence[Wanted]) -> Any:
    return PromptRun.objects.order_by().filter(
        template__in={one.template.pk for one in wanted},
        person__in={one.person_id for one in wanted},
    )


def _wait_anew(wanted: Sequence[Wanted]) -> None:
    """Only conversations wait: until their last words are so long ago, or the final ones are in."""
    for wait_s in {one.wait_s for one in wanted}:
        causes = {one.cause for one in wanted if one.wait_s == wait_s and one.subject_id}
        waiting = _like(wanted).filter(cause__in=causes, state=State.PENDING, attempts=0)
        waiting.update(next_attempt_at=Now() + timedelta(seconds=wait_s))


def _days(people: Iterable[int]) -> dict[int, Any]:
    now = timezone.now()
    zones = _time_zones(set(people))
    return {person_id: now.astimezone(ZoneInfo(zone)).date() for person_id, zone in zones.items()}


def _spent(wanted: Sequence[Wanted], days: set[Any]) -> Counter[tuple[UUID, int, Any]]:
    rows = _like(wanted).filter(day__in=days).exclude(outcome=Outcome.NOT_RUN)
    return Counter(rows.values_list("template_id", "person_id", "day"))
