"""Durable work: rows that are claimed under a lease, finished once, retried, or set aside.

PostgreSQL remembers the work and RQ only runs it. One drain job and one sweeper serve every
kind of row that inherits from `Leased` and is registered here. The rules:

* A claim takes a lease and a fresh token and counts the attempt, so that a row that kills its
  worker is counted too.
* The effects and `state = done` commit in one transaction, guarded by the token: a worker that
  lost its lease writes nothing.
* A row that already failed once runs alone, so that poison cannot burn its neighbours' attempts.
* Time is the database's: the start of the statement, as Django's `Now()` means it.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Func, JSONField, Q, Value
from django.db.models.functions import Now

from omibackend.core.errors import OmiError, describe
from omibackend.core.logging import logger
from omibackend.core.request_id import bind_request_id
from omibackend.core.work import lanes

log = logger("work")

# After attempt n fails the row waits DELAYS_S[n - 1], give or take a fifth.
DELAYS_S = (5, 30, 120, 600, 3600, 21_600)
JITTER = 0.2
DRAIN_BUDGET_S = 60.0
WORKER_DIED = "The worker died or lost its lease."

Became = list[dict[str, Any]]
Row = TypeVar("Row", bound="Leased")
ApplyMany = Callable[[Sequence[Any]], dict[Any, Became]]


class State(models.TextChoices):
    PENDING = "pending", "waiting"
    LEASED = "leased", "running"
    DONE = "done", "done"
    DEAD = "dead", "dead"
    IGNORED = "ignored", "ignored"


LIVE = (State.PENDING, State.LEASED)


class Leased(models.Model):
    """One piece of durable work. `next_attempt_at` of a leased row is the end of its lease."""

    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, editable=False)
    last_error = models.TextField(blank=True, default="", db_default="")
    finished_at = models.DateTimeField(null=True)
    # [{"at", "ms", "error"}], one entry an attempt, the newest last
    attempt_log = JSONField(default=list, db_default=Value([], JSONField()))
    # [{"kind", "id", "how"}]: the rows that this work made, changed or left alone
    became = JSONField(default=list, db_default=Value([], JSONField()))

    class Meta:
        abstract = True

    @classmethod
    def live_index(cls, name: str) -> models.Index:
        """What the claim and the sweeper read; it holds only rows with work left."""
        return models.Index(fields=["next_attempt_at"], name=name, condition=Q(state__in=LIVE))


@dataclass(frozen=True)
class WorkType:
    """How one model's rows are worked.

    Slow work (a model, HTTP, a file) goes into `prepare`, outside any transaction; `apply`
    gets what it returned and runs inside the one that also marks the row done. A kind without
    slow work may take many rows at once with `apply_many`.
    """

    model: type[Leased]
    lane: str
    lease_s: int
    apply: Callable[[Any, Any], Became]
    prepare: Callable[[Any], Any] | None = None
    apply_many: ApplyMany | None = None


class WorkTypes:
    registered: ClassVar[dict[type[Leased], WorkType]] = {}

    @classmethod
    def register(cls, kind: WorkType) -> None:
        cls.registered[kind.model] = kind

    @classmethod
    def of(cls, lane: str) -> list[WorkType]:
        return [kind for kind in cls.registered.values() if kind.lane == lane]


# What Django's Now() is on PostgreSQL; plain now() is the start of the transaction.
NOW = "statement_timestamp()"


class LostLease(OmiError):
    """Another worker holds the row now; whatever this one did is rolled back."""


class NotDue(OmiError):
    """The row was claimed before its moment, which is another by now."""

    def __init__(self, at: datetime) -> None:
        super().__init__("Its moment has not come yet.")
        self.at = at


def due() -> Q:
    return Q(state__in=LIVE, next_attempt_at__lte=Now())


def most_attempts() -> int:
    return settings.QUEUE_MAX_RETRIES + 1


def claim(kind: WorkType, *, limit: int, fresh: bool) -> list[Any]:
    """Takes up to `limit` due rows under a lease; fresh ones, or those that failed before.

    The array is made once. Of `id IN (SELECT ... LIMIT)` the planner may make a semi join that
    runs the subquery again for every row, and then claims more than the limit.
    """
    table = connection.ops.quote_name(kind.model._meta.db_table)
    attempts = "attempts = 0" if fresh else "attempts > 0"
    died = orjson.dumps([{"error": WORKER_DIED}]).decode()
    rows = kind.model._default_manager.raw(
        f"""
        UPDATE {table} SET
            state = 'leased', attempts = attempts + 1, lease_token = %s,
            next_attempt_at = {NOW} + make_interval(secs => %s),
            attempt_log = CASE WHEN state = 'leased'
                THEN attempt_log || jsonb_set(%s::jsonb, '{{0,at}}', to_jsonb({NOW}))
                ELSE attempt_log END
        WHERE id = ANY(ARRAY(
            SELECT id FROM {table}
            WHERE state IN ('pending', 'leased') AND next_attempt_at <= {NOW} AND {attempts}
            ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
        ))
        RETURNING *
        """,  # noqa: S608 (the table's name is our own)
        [uuid4(), kind.lease_s, died, limit],
    )
    return sorted(rows, key=lambda row: row.pk)


def dead_letter_spent(kind: WorkType) -> int:
    """Sets aside the rows whose last permitted attempt ended with a dead worker."""
    spent = kind.model._default_manager.filter(
        due(), state=State.LEASED, attempts__gte=most_attempts()
    )
    return spent.update(
        state=State.DEAD, finished_at=Now(), last_error=WORKER_DIED, lease_token=None
    )


def finish(rows: Sequence[Leased], became: dict[Any, Became], *, ms: float) -> None:
    """Marks rows done in the caller's transaction; LostLease if any is no longer ours."""
    if not rows:
        return
    model = type(rows[0])
    table = connection.ops.quote_name(model._meta.db_table)
    values = [(row.pk, row.lease_token, orjson.dumps(became[row.pk]).decode()) for row in rows]
    places = ", ".join(["(%s::uuid, %s::uuid, %s::jsonb)"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {table} AS t SET
                state = 'done', finished_at = {NOW}, last_error = '', lease_token = NULL,
                became = v.became,
                attempt_log = t.attempt_log
                    || jsonb_build_array(jsonb_build_object('at', {NOW}, 'ms', %s::float))
            FROM (VALUES {places}) AS v (id, token, became)
            WHERE t.id = v.id AND t.lease_token = v.token AND t.state = 'leased'
            """,  # noqa: S608
            [round(ms, 1), *(value for row in values for value in row)],
        )
        if cursor.rowcount != len(rows):
            raise LostLease(f"{len(rows) - cursor.rowcount} of {len(rows)} leases were lost.")


def delay_s(attempts: int) -> float:
    base = DELAYS_S[min(attempts, len(DELAYS_S)) - 1]
    return base * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (spreads load, guards nothing)


def fail(row: Leased, error: BaseException, *, ms: float) -> None:
    """Puts a row back with a delay, or sets it aside; does nothing if the lease is lost."""
    dead = row.attempts >= most_attempts() or (isinstance(error, OmiError) and not error.retryable)
    wait_s = None if dead else round(delay_s(row.attempts), 1)
    text = describe(error)
    entry = {"ms": round(ms, 1), "error": text, "error_class": type(error).__name__}
    if wait_s is not None:
        entry["wait_s"] = wait_s
    held = type(row)._default_manager.filter(
        pk=row.pk, lease_token=row.lease_token, state=State.LEASED
    )
    held.update(
        state=State.DEAD if dead else State.PENDING,
        next_attempt_at=Now() + timedelta(seconds=wait_s or 0),
        finished_at=Now() if dead else None,
        last_error=text,
        lease_token=None,
        attempt_log=_appended_now(entry),
    )
    log.warning(
        "attempt failed",
        extra={
            "model": type(row).__name__,
            "id": str(row.pk),
            "attempt": row.attempts,
            "dead": dead,
        },
        exc_info=error,
    )


def release(row: Leased, at: datetime) -> None:
    """As if it had not been claimed, until its moment; does nothing if the lease is lost."""
    held = type(row)._default_manager.filter(
        pk=row.pk, lease_token=row.lease_token, state=State.LEASED
    )
    held.update(
        state=State.PENDING, next_attempt_at=at, attempts=F("attempts") - 1, lease_token=None
    )


def _appended_now(entry: dict[str, Any]) -> Func:
    stamped = Func(
        Value([entry], JSONField()),
        Value("{0,at}"),
        Func(Now(), function="to_jsonb"),
        template="jsonb_set(%(expressions)s)",
    )
    return Func(F("attempt_log"), stamped, arg_joiner=" || ", template="(%(expressions)s)")


def replay(rows: "models.QuerySet[Row]") -> int:
    """Replays: the rows are worked from the start, whatever their state, unless one runs now."""
    return rows.exclude(state=State.LEASED, next_attempt_at__gt=Now()).update(
        state=State.PENDING,
        attempts=0,
        next_attempt_at=Now(),
        lease_token=None,
        last_error="",
        finished_at=None,
    )


def _work_many(kind: WorkType, apply_many: ApplyMany, rows: Sequence[Any]) -> None:
    """In one transaction what can be taken in bulk; the others, or all if it fails, alone."""
    started = time.perf_counter()
    try:
        with transaction.atomic():
            became = apply_many(rows)
            finish([row for row in rows if row.pk in became], became, ms=_ms(started) / len(rows))
    except Exception as error:  # noqa: BLE001 (each row is worked and recorded alone below)
        log.info("batch taken row by row", extra={"error_class": type(error).__name__})
        became = {}
    for row in rows:
        if row.pk not in became:
            _work_one(kind, row)


def _work_one(kind: WorkType, row: Any) -> None:
    started = time.perf_counter()
    bind_request_id(getattr(row, "request_id", ""))
    try:
        prepared = kind.prepare(row) if kind.prepare else None
        with transaction.atomic():
            became = kind.apply(row, prepared)
            finish([row], {row.pk: became}, ms=_ms(started))
    except NotDue as early:
        release(row, early.at)
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
    limit = settings.QUEUE_BATCH_SIZE if kind.apply_many else 1
    for fresh in (True, False):
        size = limit if fresh else 1
        while time.monotonic() < until:
            rows = claim(kind, limit=size, fresh=fresh)
            if kind.apply_many and len(rows) > 1:
                _work_many(kind, kind.apply_many, rows)
            elif rows:
                _work_one(kind, rows[0])
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
    unfinished = [kind for kind in WorkTypes.of(lane) if work_due(kind, until=until)]
    if unfinished:
        lanes.wake(lane)


def sweep() -> dict[str, int]:
    """Wakes every lane with a due row: a lost job, a dead worker, an expired lease, a timer."""
    woken: dict[str, int] = {}
    for kind in WorkTypes.registered.values():
        waiting = kind.model._default_manager.filter(due())[:1000].count()
        if waiting:
            woken[kind.lane] = woken.get(kind.lane, 0) + waiting
    for lane in woken:
        lanes.wake(lane)
    return woken
