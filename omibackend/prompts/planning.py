"""What sets prompts off: what deliveries became, the clock, and a person in the admin."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from conversations.models import OmiSession
from memories.models import Memory, MemoryKind
from omibackend.accounts.models import User
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change, Effect
from omibackend.prompts.booking import Wanted, insert, time_zones
from omibackend.prompts.material import FRESH, is_usable
from omibackend.prompts.models import PromptRun, PromptTemplate, Trigger
from omibackend.prompts.schedule import latest_slot

CHANGED = frozenset({Change.CREATED, Change.UPDATED})
# After the silence that ends a session, the time that Omi takes to send its final transcript.
GRACE_S = 30
# A slot that nobody was there for is made up for until then.
LATEST_SLOT = timedelta(hours=1)
# How far back "Run now" looks for a memory that may be used.
LOOKED_BACK = 50
OLD = "It is more than a week old."


@dataclass(frozen=True)
class Happened:
    """What became of a delivery, and whose it is; `live`: its words were heard just now."""

    person_id: int
    delivery_id: UUID
    effects: Sequence[Effect]
    live: bool

    def ids(self, kind: str) -> list[UUID]:
        """Of the rows that are new, or new in what they say. What was deleted before by its
        owner tells that the whole conversation is over and done with."""
        if any(effect.change == Change.DELETED_BEFORE for effect in self.effects):
            return []
        return [
            UUID(effect.id)
            for effect in self.effects
            if effect.kind == kind and effect.change in CHANGED
        ]


def after_deliveries(happened: Sequence[Happened]) -> list[PromptRun]:
    """In the transaction of the deliveries' effects."""
    people = {one.person_id for one in happened}
    makers = {Trigger.MEMORY_CREATED: _of_memories, Trigger.TRANSCRIPT_END: _of_sessions}
    templates = PromptTemplate.objects.filter(
        Q(owner=None) | Q(owner__in=people), enabled=True, trigger__in=list(makers)
    )
    wanted: list[Wanted] = []
    for trigger, made in makers.items():
        if found := [template for template in templates if template.trigger == trigger]:
            wanted += made(found, happened)
    return insert(wanted)


def _for(templates: Iterable[PromptTemplate], person_id: int) -> list[PromptTemplate]:
    return [template for template in templates if template.owner_id in (None, person_id)]


def _of_memories(templates: Sequence[PromptTemplate], happened: Sequence[Happened]) -> list[Wanted]:
    told = {pk: one for one in happened for pk in one.ids("memory")}
    if not told:
        return []
    memories = Memory.objects.filter(pk__in=told, kind=MemoryKind.CONVERSATION)
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
    people = time_zones(User.objects.filter(is_active=True).values_list("pk", flat=True))
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
        latest = Memory.objects.filter(owner_id=person_id, kind=MemoryKind.CONVERSATION)[
            :LOOKED_BACK
        ]
        return next((memory.pk for memory in latest if is_usable(memory)), None)
    if template.trigger == Trigger.TRANSCRIPT_END:
        sessions = OmiSession.objects.filter(owner_id=person_id, segment_count__gt=0)
        return sessions.values_list("pk", flat=True).first()
    return None
