"""The runs that are to be: one for each prompt, person and cause, however often it is told, up to
each person's limit for the day."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models.functions import Now
from django.utils import timezone

from omibackend.accounts.models import Preferences
from omibackend.core.postgres.locks import Lock, lock
from omibackend.core.work.leased import State
from omibackend.prompts.models import Outcome, PromptRun, PromptTemplate

LIMIT = "The day's limit of {} is reached."


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


def time_zones(people: Iterable[int]) -> dict[int, str]:
    ids = list(people)
    kept = Preferences.objects.filter(user_id__in=ids).values_list("user_id", "time_zone")
    return {**dict.fromkeys(ids, "UTC"), **dict(kept)}


def insert(wanted: Sequence[Wanted]) -> list[PromptRun]:
    """Makes the runs that are not there yet, in the caller's transaction, up to each person's
    limit for the day; what waits for a conversation to end waits anew."""
    ordered = sorted({one.key: one for one in wanted}.values(), key=lambda one: one.key)
    if not ordered:
        return []
    # Until the transaction ends nobody else counts these people's runs of these prompts.
    lock(*((Lock.PERSONS_PROMPT, f"{one.template.pk}:{one.person_id}") for one in ordered))
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
    zones = time_zones(set(people))
    return {person_id: now.astimezone(ZoneInfo(zone)).date() for person_id, zone in zones.items()}


def _spent(wanted: Sequence[Wanted], days: set[Any]) -> Counter[tuple[UUID, int, Any]]:
    rows = _like(wanted).filter(day__in=days).exclude(outcome=Outcome.NOT_RUN)
    return Counter(rows.values_list("template_id", "person_id", "day"))
