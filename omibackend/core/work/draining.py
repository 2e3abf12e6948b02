"""The jobs that RQ runs: one works a lane empty, one wakes every lane that has something due."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from omibackend.core.logging import logger
from omibackend.core.request_id import bind_request_id
from omibackend.core.work import lanes
from omibackend.core.work.effects import Effect
from omibackend.core.work.leased import (
    Gone,
    LostLease,
    Reschedule,
    claim,
    dead_letter_spent,
    drop,
    due,
    fail,
    finish,
    release,
)
from omibackend.core.work.registry import ApplyMany, WorkType, types_of, work_types

log = logger("work")

DRAIN_BUDGET_S = 60.0


def _work(kind: WorkType, rows: Sequence[Any]) -> None:
    if kind.prepare_many:
        _work_prepared(kind, kind.prepare_many, rows)
    elif kind.apply_many and len(rows) > 1:
        _work_many(kind, kind.apply_many, rows)
    else:
        for row in rows:
            _work_one(kind, row)


def _work_many(kind: WorkType, apply_many: ApplyMany, rows: Sequence[Any]) -> None:
    """In one transaction what can be taken in bulk; the others, or all if it fails, alone."""
    started = time.perf_counter()
    effects: Mapping[Any, Sequence[Effect]]
    try:
        with transaction.atomic():
            effects = apply_many(rows)
            finish([row for row in rows if row.pk in effects], effects, ms=_ms(started) / len(rows))
    except Exception as error:  # noqa: BLE001 (each row is worked and recorded alone below)
        log.info("batch taken row by row", extra={"error_class": type(error).__name__})
        effects = {}
    for row in rows:
        if row.pk not in effects:
            _work_one(kind, row)


def _work_prepared(
    kind: WorkType,
    prepare_many: Callable[[Sequence[Any]], Mapping[Any, Any]],
    rows: Sequence[Any],
) -> None:
    """What was prepared together is applied row by row; if it cannot be, each has failed."""
    started = time.perf_counter()
    failure: Exception | None = None
    prepared: Mapping[Any, Any] = {}
    try:
        prepared = prepare_many(rows)
    except Exception as error:  # noqa: BLE001 (recorded on each row below)
        failure = error
    for row in rows:
        with _recorded(kind, row, started):
            if failure:
                raise failure
            _apply(kind, row, prepared[row.pk], started)


def _work_one(kind: WorkType, row: Any) -> None:
    started = time.perf_counter()
    bind_request_id(getattr(row, "request_id", ""))
    with _recorded(kind, row, started):
        prepared = kind.prepare(row) if kind.prepare else None
        _apply(kind, row, prepared, started)


def _apply(kind: WorkType, row: Any, prepared: Any, started: float) -> None:
    with transaction.atomic():
        effects = kind.apply(row, prepared)
        finish([row], {row.pk: effects}, ms=_ms(started))


@contextmanager
def _recorded(kind: WorkType, row: Any, started: float) -> Iterator[None]:
    """How the work on a row ended, if it did not end well, is written to the row."""
    try:
        yield
    except Reschedule as later:
        release(row, later.at)
    except Gone as gone:
        drop(row, gone)
    except LostLease:
        log.warning("lease lost", extra={"model": kind.model.__name__, "id": str(row.pk)})
    except Exception as error:
        if connection.connection is None or not connection.is_usable():
            raise
        fail(row, error, ms=_ms(started))


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def work_due(kind: WorkType, *, until: float) -> bool:
    """Works what is due of one kind until nothing is, or the time is up (then True)."""
    dead_letter_spent(kind)
    for fresh in (True, False):
        size = kind.batch_size if fresh else 1
        while time.monotonic() < until:
            rows = claim(kind, limit=size, fresh=fresh)
            _work(kind, rows)
            if len(rows) < size:
                break
        else:
            return True
    return False


def drain(lane: str) -> None:
    """The RQ job: works a lane empty. The wake flag falls before the first select, so that a
    row is either seen by that select or raises the flag again."""
    lanes.forget_wake(lane)
    until = time.monotonic() + DRAIN_BUDGET_S
    unfinished = [kind for kind in types_of(lane) if work_due(kind, until=until)]
    if unfinished:
        lanes.wake(lane)


def sweep() -> dict[str, int]:
    """Wakes every lane with a due row: a lost job, a dead worker, an expired lease, a timer."""
    woken: dict[str, int] = {}
    for kind in work_types.values():
        waiting = kind.model._default_manager.filter(due())[:1000].count()
        if waiting:
            woken[kind.lane] = woken.get(kind.lane, 0) + waiting
    for lane in woken:
        lanes.wake(lane)
    return woken
