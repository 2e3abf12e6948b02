"""What work did to the rows of the domains: kept with it, linked from its page, and what sets off
the work that follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models


class Change(models.TextChoices):
    """What happened to a row. The value is stored and steers; the label is for people."""

    CREATED = "created", "created"
    UPDATED = "updated", "updated"
    UNCHANGED = "unchanged", "unchanged"
    ANALYSED = "analysed", "analysed"
    KEPT_EDITS = "kept_edits", "kept edits"
    DELETED_BEFORE = "deleted_before", "deleted before"
    MERGED_BEFORE = "merged_before", "merged before"
    ALREADY_FINAL = "already_final", "already final"
    PLAYBACK = "playback", "own words"
    SENT = "sent", "sent"
    MAYBE_SENT = "maybe_sent", "nobody knows"
    NOT_SENT = "not_sent", "too late to be sent"
    REFUSED = "refused", "refused"


@dataclass(frozen=True, slots=True)
class Effect:
    """`id` is empty where the row is not there: deleted before, or never made."""

    kind: str
    id: str
    change: Change

    @classmethod
    def on(cls, kind: str, pk: object, change: Change) -> "Effect":
        return cls(kind, str(pk), change)


def encoded(effects: Iterable[Effect]) -> list[dict[str, str]]:
    return [{"kind": e.kind, "id": e.id, "change": e.change.value} for e in effects]


def decoded(rows: Sequence[dict[str, str]]) -> list[Effect]:
    return [Effect(row["kind"], row["id"], Change(row["change"])) for row in rows]


class EffectsField(models.JSONField):
    """A column of effects: `list[Effect]` in Python, and the one JSON form of them below it."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> list[Effect]:
        return decoded(super().from_db_value(value, expression, connection))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 (Django's)
        if isinstance(value, Iterable) and not isinstance(value, str):
            value = encoded(value)
        return super().get_db_prep_value(value, connection, prepared)

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(encoded(value), model_instance)

    def value_to_string(self, obj: models.Model) -> Any:
        return encoded(self.value_from_object(obj))
