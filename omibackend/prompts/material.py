"""What a run has to work on: the values of its prompt's variables, read at the time of the run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from conversations.models import OmiSession
from conversations.transcripts.speakers import speaker_label
from memories.models import ActionItem, Memory, MemoryKind
from omibackend.accounts.models import Preferences
from omibackend.accounts.preferences import preferences_of
from omibackend.core.errors import OmiError
from omibackend.prompts.models import PromptRun, Trigger
from omibackend.prompts.variables import TELLING, bounded, named_in

# What a memory made here says of its sender. Nothing runs because of one, and none is read.
SOURCE = "prompt"
MOST_MEMORIES = 20
MOST_ITEMS = 50
MOST_MEMORY_CHARS = 1500
MOST_SEGMENTS = 5000
MOST_QUOTE_CHARS = 2000
# Neither an import of old conversations nor a late replay sets anything off.
FRESH = timedelta(days=7)


class NotRun(OmiError):
    """There is a reason not to ask the model, in words for who looks at the run."""

    retryable = False


@dataclass
class Material:
    """`quote` and `segment_keys` are what the outcome's provenance is made of."""

    preferences: Preferences
    occurred_at: datetime
    memory: Memory | None = None
    session: OmiSession | None = None
    values: dict[str, str] = field(default_factory=dict)
    about: list[UUID] = field(default_factory=list)
    quote: str = ""
    segment_keys: list[str] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.preferences.time_zone)


def is_marked(memory: Memory) -> bool:
    """As wrong or private, by its owner."""
    return memory.wrong or memory.private


def is_usable(memory: Memory) -> bool:
    """Nor is what a prompt has made: no prompt goes on from another's words."""
    return not is_marked(memory) and memory.source != SOURCE


def gather(run: PromptRun) -> Material:
    """Raises NotRun."""
    if not run.person.is_active:
        raise NotRun("The account is switched off.")
    found = Material(preferences_of(run.person_id), timezone.now())
    if run.template.trigger == Trigger.MEMORY_CREATED:
        _take_memory(run, found)
    elif run.template.trigger == Trigger.TRANSCRIPT_END:
        _take_session(run, found)
    names = named_in(run.template.prompt)
    values = {name: READERS[name](run, found) for name in names if name in READERS}
    telling = TELLING & values.keys()
    if telling and not any(values[name].strip() for name in telling):
        raise NotRun("There was nothing to put into it.")
    found.values = bounded(values, most_chars=run.template.most_input_chars)
    return found


def _take_memory(run: PromptRun, found: Material) -> None:
    memory = Memory.objects.filter(owner_id=run.person_id, pk__in=[run.subject_id]).first()
    if memory is None:
        raise NotRun("The memory is deleted.")
    if not is_usable(memory):
        raise NotRun("The memory is marked as wrong or private.")
    found.memory, found.occurred_at = memory, memory.occurred_at
    found.quote, found.segment_keys = memory.quote, memory.segment_keys
    found.about.append(memory.pk)
    if memory.source_id:
        mine = OmiSession.objects.filter(owner_id=run.person_id)
        found.session = mine.filter(omi_conversation_id=memory.source_id).first()


def _take_session(run: PromptRun, found: Material) -> None:
    session = OmiSession.objects.filter(owner_id=run.person_id, pk__in=[run.subject_id]).first()
    if session is None:
        raise NotRun("The conversation is deleted, or became part of another.")
    found.session, found.occurred_at = session, session.started_at
    found.memory = memory_of(session)
    if found.memory and not is_usable(found.memory):
        raise NotRun("The conversation's memory is marked as wrong or private.")
    rows = session.segments.in_order()[:MOST_SEGMENTS]
    found.segment_keys = [segment.key for segment in rows]
    found.quote = " ".join(segment.text for segment in rows)[:MOST_QUOTE_CHARS]
    found.about.append(session.pk)
    if found.memory:
        found.about.append(found.memory.pk)


def memory_of(session: OmiSession) -> Memory | None:
    if not session.omi_conversation_id:
        return None
    return Memory.objects.filter(
        owner_id=session.owner_id,
        kind=MemoryKind.CONVERSATION,
        source_id=session.omi_conversation_id,
    ).first()


def still_there(found: Material) -> bool:
    """Whether nothing it was made from has been deleted while the model thought."""
    ids = set(found.about)
    left = Memory.objects.filter(pk__in=ids).count() + ActionItem.objects.filter(pk__in=ids).count()
    return left + OmiSession.objects.filter(pk__in=ids).count() == len(ids)


def _transcript(run: PromptRun, found: Material) -> str:
    if found.session is None:
        return ""
    if found.session.pk not in found.about:
        found.about.append(found.session.pk)
    rows = found.session.segments.in_order()[:MOST_SEGMENTS]
    return "\n".join(f"{speaker_label(row)}: {row.text}" for row in rows)


def _memories(run: PromptRun, found: Material) -> str:
    if not found.preferences.inject_memories:
        return ""
    others = Memory.objects.filter(owner_id=run.person_id).exclude(
        pk__in=[memory.pk] if (memory := found.memory) else []
    )
    latest = others.exclude(source=SOURCE)[: MOST_MEMORIES * 2]
    usable = [memory for memory in latest if is_usable(memory)][:MOST_MEMORIES]
    found.about += [memory.pk for memory in usable if memory.pk not in found.about]
    return "\n\n".join(_told(memory, found.zone) for memory in usable)


def _told(memory: Memory, zone: ZoneInfo) -> str:
    local = memory.occurred_at.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M} {memory.title}\n{memory.text[:MOST_MEMORY_CHARS]}".strip()


def _action_items(run: PromptRun, found: Material) -> str:
    still_open = ActionItem.objects.filter(owner_id=run.person_id, completed=False)
    latest = still_open.select_related("memory")[: MOST_ITEMS * 2]
    usable = [item for item in latest if _is_usable_item(item)][:MOST_ITEMS]
    found.about += [item.pk for item in usable]
    return "\n".join(_due(item, found.zone) for item in usable)


def _is_usable_item(item: ActionItem) -> bool:
    """Also one that a prompt has found: there it was read once, and here it is only open."""
    return not is_marked(item.memory)


def _due(item: ActionItem, zone: ZoneInfo) -> str:
    due = f" (due {item.due_at.astimezone(zone):%Y-%m-%d %H:%M})" if item.due_at else ""
    return f"- {item.description}{due}"


def _date(run: PromptRun, found: Material) -> str:
    local = timezone.now().astimezone(found.zone)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} ({found.zone.key})"


def _of_memory(name: str) -> Callable[[PromptRun, Material], str]:
    return lambda _, found: str(getattr(found.memory, name, ""))


READERS: dict[str, Callable[[Any, Material], str]] = {
    "transcript": _transcript,
    "memory.title": _of_memory("title"),
    "memory.text": _of_memory("text"),
    "memories": _memories,
    "action_items": _action_items,
    # Not the e-mail address: that is nobody's name.
    "person": lambda run, _: run.person.name or "the person",
    "date": _date,
}
