"""What a memory said before. Only what changed is kept, and only when something did: a table that
copied whole rows would write each memory twice when it arrives."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F, Func, Model, Value

from memories.models import By, Memory, Revision

WORDS = ("title", "text", "category", "emoji")
FLAGS = ("pinned", "private", "wrong")
KEPT = (*WORDS, *FLAGS)


def differing(row: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that the row does not have yet."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def also_edited(name: str) -> Func:
    """The fields that the owner edited, and this one among them."""
    others = Func(F("edited_fields"), Value(name), function="array_remove")
    return Func(others, Value(name), function="array_append")


def revision(
    memory: Memory, changed: Mapping[str, Any], *, by: By, delivery_id: UUID | None = None
) -> Revision | None:
    """The place to come back to, of a memory as it was read; None if nothing of it is kept."""
    before = {name: getattr(memory, name) for name in KEPT if name in changed}
    if not before:
        return None
    return Revision(memory=memory, by=by, before=before, delivery_id=delivery_id)


def record(
    memory: Memory, changed: Mapping[str, Any], *, by: By, delivery_id: UUID | None = None
) -> None:
    made = revision(memory, changed, by=by, delivery_id=delivery_id)
    if made:
        made.save(force_insert=True)
