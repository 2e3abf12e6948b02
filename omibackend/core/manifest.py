"""What an app brings along, said once: the value `manifest` of its module of that name.

    manifest = Manifest(search=(Finder("notes.view_note", "notes.admin.finding.by_title"),))

Every process reads all of them at its start. So they import models and little else: what works
for a page or by the clock has a dotted name, and is imported when it is first wanted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any, Generic, Literal, TypeVar

from django.apps import apps
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string, module_has_submodule
from django.utils.safestring import SafeString

from omibackend.core.personal_data import PersonalData, Subject

SYSTEM = "System"
Found = TypeVar("Found")


@dataclass(frozen=True)
class Need:
    """What waits for a person: what, why, since when, and one thing to do."""

    tone: Literal["bad", "warn", "info"]
    symbol: str
    sentence: str
    reason: str
    since: datetime
    verb: str
    link: str


@dataclass(frozen=True)
class Figure:
    """One card of the home page. `value` without data is a dash; 0 is a measurement."""

    name: str
    value: str
    unit: str
    note: str
    line: SafeString
    link: str


@dataclass(frozen=True)
class Panel:
    """A part of the home page: beside the needs, below them, or for the start and instead of all
    else."""

    place: Literal["start", "beside", "below"]
    template: str
    content: Any


@dataclass(frozen=True)
class Finder(Generic[Found]):
    """The dotted name of what finds something for those who hold a permission."""

    permission: str
    call: str


@dataclass(frozen=True)
class Entry:
    """A list of the admin under the name that staff knows it by. `badge` makes the mark at it."""

    place: int
    title: str
    symbol: str
    model: str
    group: str = SYSTEM
    badge: str = ""


@dataclass(frozen=True)
class Rule:
    """Rows that are older than `days` (0: for ever), and what happens to them. Without `days` they
    are over when they themselves say so."""

    name: str
    rows: Callable[[datetime], QuerySet[Any]]
    days: Callable[[], int] | None = None
    remove: Callable[[QuerySet[Any]], object] = lambda rows: rows.delete()

    def keeps_all(self) -> bool:
        return self.days is not None and not self.days()

    def due(self) -> QuerySet[Any]:
        return self.rows(timezone.now() - timedelta(days=self.days() if self.days else 0))


@dataclass(frozen=True)
class EffectKind:
    """What work calls a row that it made: its model, the symbol, and the field that names it."""

    name: str
    model: str
    symbol: str
    named_by: str


@dataclass(frozen=True)
class Lane:
    """Work that waits for no other. It has a worker for every `one_in` jobs at once, `most` in all
    (0: one), or shares that of another lane. In a `work_horse` a job leaves no memory behind."""

    name: str
    does: str
    one_in: int = 0
    most: int = 1
    with_lane: str = ""
    work_horse: bool = False

    def workers(self, of_jobs: int) -> int:
        return max(1, min(self.most, of_jobs // self.one_in)) if self.one_in else 1


@dataclass(frozen=True)
class Scheduled:
    """A job by its dotted name, at an interval or by a crontab line."""

    job: str
    timeout_s: int
    interval_s: int | None = None
    cron: str | None = None
    ttl_s: int | None = None


@dataclass(frozen=True)
class Daily:
    """Rows as in `Stat`, counted by the day of a column: a moment, or an id that holds one."""

    rows: str
    column: str
    by: Literal["moments", "ids"] = "moments"


@dataclass(frozen=True)
class Stat:
    """Rows of %(owner)s, in SQL from FROM on, for the person's own figures; `last` selects the
    moment of the newest."""

    name: str
    rows: str
    help_text: str | None = None
    daily: tuple[Daily, ...] = ()
    last: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    needs: tuple[Finder[Need], ...] = ()
    figures: tuple[Finder[Figure], ...] = ()
    panels: tuple[Finder[Panel], ...] = ()
    sidebar: tuple[Entry, ...] = ()
    search: tuple[Finder[Any], ...] = ()
    retention: tuple[Rule, ...] = ()
    effects: tuple[EffectKind, ...] = ()
    lanes: tuple[Lane, ...] = ()
    schedule: tuple[Scheduled, ...] = ()
    stats: tuple[Stat, ...] = ()
    personal_data: tuple[PersonalData, ...] = ()


@cache
def installed() -> tuple[Manifest, ...]:
    """In the order of INSTALLED_APPS: what others refer to comes first."""
    modules = [
        import_module(f"{config.name}.manifest")
        for config in apps.get_app_configs()
        if config.module and module_has_submodule(config.module, "manifest")
    ]
    found = [getattr(module, "manifest", None) for module in modules]
    return tuple(value for value in found if isinstance(value, Manifest))


def find(
    user: Any, of: Callable[[Manifest], tuple[Finder[Found], ...]], *args: Any
) -> Iterator[Found]:
    """What the apps find for this user, that of the topmost app first."""
    for app in reversed(installed()):
        for finder in of(app):
            if not finder.permission or user.has_perm(finder.permission):
                yield from import_string(finder.call)(*args)


@cache
def effect_kinds() -> dict[str, EffectKind]:
    return {kind.name: kind for app in installed() for kind in app.effects}


@cache
def lanes() -> tuple[Lane, ...]:
    """Those with the most workers first."""
    found = (lane for app in installed() for lane in app.lanes)
    return tuple(sorted(found, key=lambda lane: lane.one_in or float("inf")))


def personal_data(subject: Subject = Subject.ACCOUNT) -> list[PersonalData]:
    every = (data for app in installed() for data in app.personal_data)
    return [data for data in every if data.subject == subject]
