"""Two memories of one thing made one. Nothing that either held is lost, and what was merged away
does not come back when its sender tells it again."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from memories.models import ActionItem, By, Event, Memory, Photo, Tombstone
from memories.saving.history import FLAGS, WORDS, differing, record
from memories.saving.identity import normalised
from memories.saving.incoming import MOST_SEGMENT_KEYS, bounded
from memories.saving.parts import mark
from memories.saving.similar import flag_similar
from memories.saving.writing import NAMED_BY, lock_owner


def merge(*, owner_id: int, kept_id: UUID, other_id: UUID) -> None:
    """Into `kept_id`. Raises Memory.DoesNotExist unless both are the owner's."""
    with transaction.atomic():
        lock_owner([owner_id])
        mine = Memory.objects.select_for_update().filter(owner_id=owner_id).order_by("pk")
        both = {memory.pk: memory for memory in mine.filter(pk__in=[kept_id, other_id])}
        if len(both) != 2:
            raise Memory.DoesNotExist
        kept, other = both[kept_id], both[other_id]
        _join(kept, other)
        _move_action_items(kept, other)
        _move(Event.objects.filter(memory=other), kept, ("title_hash", "starts_at"))
        _move(Photo.objects.filter(memory=other), kept, ("source_id",))
        _add_tombstone(kept, other)
        other.delete()
        flag_similar(kept.pk)


def _join(kept: Memory, other: Memory) -> None:
    joined = {
        **{name: getattr(kept, name) or getattr(other, name) for name in (*WORDS, *FLAGS)},
        "text": _both_texts(kept.text, other.text),
    }
    changed = differing(kept, joined)
    record(kept, changed, by=By.MERGE)
    # Words of both are the owner's now: the next version of one of them must not replace them.
    edited = {*kept.edited_fields, *(name for name in changed if name in WORDS)}
    Memory.objects.filter(pk=kept.pk).update(
        **changed,
        **_around(kept, other),
        edited_fields=sorted(edited),
        updated_at=Now(),
    )


def _both_texts(one: str, other: str) -> str:
    """One after the other, unless one holds the other already."""
    levelled_one, levelled_other = normalised(one), normalised(other)
    if levelled_other in levelled_one:
        return one
    if levelled_one in levelled_other:
        return other
    return f"{one.rstrip()}\n\n{other.lstrip()}"


def _around(kept: Memory, other: Memory) -> Mapping[str, Any]:
    ends = [memory.finished_at for memory in (kept, other) if memory.finished_at]
    keys = dict.fromkeys([*kept.segment_keys, *other.segment_keys])
    return {
        "occurred_at": min(kept.occurred_at, other.occurred_at),
        "finished_at": max(ends, default=None),
        "segment_keys": list(keys)[:MOST_SEGMENT_KEYS],
        "quote": kept.quote or other.quote,
        "details": bounded({**other.details, **kept.details}),
    }


def _move_action_items(kept: Memory, other: Memory) -> None:
    """What both of them ask for is asked for once, and is done if it was done in one."""
    held = ActionItem.objects.select_for_update().filter(memory__in=[kept, other]).order_by("pk")
    done = {item.description_hash for item in held if item.completed and item.memory_id == other.pk}
    mark(ActionItem.objects.filter(memory=kept, description_hash__in=done), completed=True)
    _move(ActionItem.objects.filter(memory=other), kept, ("description_hash",))


def _move(parts: QuerySet[Any], kept: Memory, same: tuple[str, ...]) -> None:
    """All that `kept` does not have; the others go with their memory."""
    alike = {name: OuterRef(name) for name in same}
    there = parts.model.objects.filter(memory=kept, **alike)
    parts.filter(~Exists(there)).update(memory=kept)


def _add_tombstone(kept: Memory, other: Memory) -> None:
    Tombstone.objects.filter(merged_into=other).update(merged_into=kept)
    Tombstone.objects.bulk_create(
        [
            Tombstone(
                merged_into=kept,
                memory_id=other.pk,
                delivery_id=other.delivery_id,
                **{name: getattr(other, name) for name in NAMED_BY},
            )
        ],
        ignore_conflicts=True,
    )
