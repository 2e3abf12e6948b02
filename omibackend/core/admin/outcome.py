"""What durable work tried and what it made, as a page of the admin shows it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model

from omibackend.core.admin.links import admin_link
from omibackend.core.manifest import effect_kinds
from omibackend.core.show.human import span
from omibackend.core.work.effects import Effect


@dataclass(frozen=True)
class EffectLink:
    symbol: str
    title: str
    kind: str
    change: str
    link: str


@dataclass(frozen=True)
class Attempt:
    number: int
    at: Any
    took: str
    error: str
    same: bool
    then: str


def attempts(log: list[dict[str, Any]]) -> Iterator[Attempt]:
    """A repeated error is told once; after it only how long was waited."""
    before = ""
    for number, entry in enumerate(log, start=1):
        error = str(entry.get("error") or "")
        same = bool(error) and error == before
        wait_s = entry.get("wait_s")
        then = f"then waited {span(wait_s)}" if wait_s is not None else ""
        yield Attempt(
            number=number,
            at=_moment(entry.get("at")),
            took=span(entry["ms"] / 1000) if "ms" in entry else "",
            error=error,
            same=same,
            then=f"same error, {then}".rstrip(", ") if same else then,
        )
        before = error


def _moment(text: Any) -> Any:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def became(rows: list[Effect], user: Any) -> list[EffectLink]:
    """Links to what the work made, named by one query for each kind."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_kind[row.kind] += [row.id] if row.id else []
    known = {kind: _load(kind, ids, user) for kind, ids in by_kind.items()}
    return [_became(row, known[row.kind], user) for row in rows]


def _load(kind: str, ids: list[str], user: Any) -> dict[str, Model] | None:
    """The rows by id; None for a kind that we do not know or this user may not see."""
    known = effect_kinds().get(kind)
    if known is None:
        return None
    app, _, name = known.model.lower().partition(".")
    if not user.has_perm(f"{app}.view_{name}"):
        return None
    model = apps.get_model(known.model)
    try:
        return {str(pk): row for pk, row in model._default_manager.in_bulk(ids).items()}
    except (ValueError, ValidationError):
        return {}


def _became(effect: Effect, rows: dict[str, Model] | None, user: Any) -> EffectLink:
    change = str(effect.change.label)
    kind = effect_kinds().get(effect.kind)
    symbol = kind.symbol if kind else "label"
    words = effect.kind.replace("_", " ")
    title = f"{words} {effect.id[-8:]}".capitalize()
    if kind is None or rows is None or not effect.id:
        return EffectLink(symbol, title.strip(), words, change, "")
    found = rows.get(effect.id)
    if found is None:
        return EffectLink(symbol, title, words, "removed since", "")
    named = str(getattr(found, kind.named_by, "") or title)
    link = admin_link(f"{found._meta.app_label}_{found._meta.model_name}_change", found.pk)
    return EffectLink(symbol, named[:160], words, change, link)
