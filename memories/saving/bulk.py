"""The same change to many memories of one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from memories.models import By, Memory, Revision
from memories.saving.history import KEPT, also_edited, revision
from memories.saving.writing import forget, lock_owner
from omibackend.core.errors import Refused

MOST_AT_ONCE = 1000


class Action(StrEnum):
    DELETE = "delete"
    PIN = "pin"
    UNPIN = "unpin"
    PRIVATE = "private"
    PUBLIC = "public"
    WRONG = "wrong"
    RIGHT = "right"
    CATEGORY = "category"


MARKS: Mapping[Action, dict[str, Any]] = {
    Action.PIN: {"pinned": True},
    Action.UNPIN: {"pinned": False},
    Action.PRIVATE: {"private": True},
    Action.PUBLIC: {"private": False},
    Action.WRONG: {"wrong": True},
    Action.RIGHT: {"wrong": False},
}


@dataclass(frozen=True)
class Chosen:
    """The memories meant, at most MOST_AT_ONCE; `more` match."""

    memories: Sequence[Memory]
    more: bool

    @property
    def count(self) -> int:
        return len(self.memories)


def others(memories: QuerySet[Memory], action: Action, *, category: str = "") -> QuerySet[Memory]:
    """Without those that the action would leave as they are, so that whoever repeats it comes to
    the end of a long list."""
    if action is Action.DELETE:
        return memories
    return memories.exclude(**_values(action, category))


def choose(memories: QuerySet[Memory]) -> Chosen:
    """The newest first."""
    found = list(memories.only("owner_id")[: MOST_AT_ONCE + 1])
    return Chosen(found[:MOST_AT_ONCE], len(found) > MOST_AT_ONCE)


def as_previewed(chosen: Chosen, expected: int | None) -> None:
    if expected is not None and expected != chosen.count:
        raise Refused(
            409,
            "count_changed",
            f"{chosen.count} memories match now. Look at a new preview.",
            attr="expected",
        )


def carry_out(chosen: Chosen, action: Action, *, category: str = "", by: By = By.OWNER) -> int:
    """How many memories became other than they were."""
    if action is Action.DELETE:
        return forget(chosen.memories)
    return _change(chosen.memories, _values(action, category), by=by)


def _values(action: Action, category: str) -> Mapping[str, Any]:
    return MARKS.get(action, {"category": category})


def _change(chosen: Sequence[Memory], values: Mapping[str, Any], *, by: By) -> int:
    with transaction.atomic():
        lock_owner(memory.owner_id for memory in chosen)
        meant = Memory.objects.filter(pk__in=[memory.pk for memory in chosen])
        held = list(
            meant.exclude(**values).select_for_update().order_by("pk").only(*KEPT, "edited_fields")
        )
        made = [revision(memory, values, by=by) for memory in held]
        Revision.objects.bulk_create([each for each in made if each])
        stamps: dict[str, Any] = {"updated_at": Now()}
        if "category" in values:
            stamps["edited_fields"] = also_edited("category")
        return Memory.objects.filter(pk__in=[memory.pk for memory in held]).update(
            **values, **stamps
        )
