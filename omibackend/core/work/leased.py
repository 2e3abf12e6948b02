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

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import connection, models
from django.db.models import F, Func, JSONField, Q, Value
from django.db.models.functions import Now

from omibackend.core.errors import OmiError, describe
from omibackend.core.logging import logger
from omibackend.core.work.effects import Effect, EffectsField, encoded
from omibackend.core.work.registry import Retry, WorkType, work_types

log = logger("work")

WORKER_DIED = "The worker died or lost its lease."

Row = TypeVar("Row", bound="Leased")


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
    # The rows that this work made, changed or left alone.
    effects = EffectsField(default=list, db_default=Value([], JSONField()))

    class Meta:
        abstract = True

    @classmethod
    def live_index(cls, name: str) -> models.Index:
        """What the claim and the sweeper read; it holds only rows with work left."""
        return models.Index(fields=["next_attempt_at"], name=name, condition=Q(state__in=LIVE))

    def held(self) -> "models.QuerySet[Self]":
        """This row, as long as the worker that claimed this instance holds it."""
        return type(self)._default_manager.filter(
            pk=self.pk, lease_token=self.lease_token, state=State.LEASED
        )

    def update_held(self, **changes: Any) -> None:
        """Writes at once, in the middle of the work. Raises LostLease."""
        if not self.held().update(**changes):
            raise LostLease("Another worker holds the row, or it is gone.")

    def extend_lease(self, lease_s: float, **changes: Any) -> None:
        self.update_held(next_attempt_at=Now() + timedelta(seconds=lease_s), **changes)


# What Django's Now() is on PostgreSQL; plain now() is the start of the transaction.
NOW = "statement_timestamp()"


class LostLease(OmiError):
    """Another worker holds the row now; whatever this one did is rolled back."""


class Reschedule(OmiError):
    """The work goes on at another moment, as if this attempt had not been made."""

    def __init__(self, at: Any) -> None:
        super().__init__("Its moment has not come yet.")
        self.at = at


class Gone(OmiError):
    """What the work is about is there no longer: nothing is left to do, and nothing failed."""


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


def finish(rows: Sequence[Leased], effects: Mapping[Any, Sequence[Effect]], *, ms: float) -> None:
    """Marks rows done in the caller's transaction; LostLease if any is no longer ours."""
    if not rows:
        return
    model = type(rows[0])
    table = connection.ops.quote_name(model._meta.db_table)
    values = [
        (row.pk, row.lease_token, orjson.dumps(encoded(effects[row.pk])).decode()) for row in rows
    ]
    places = ", ".join(["(%s::uuid, %s::uuid, %s::jsonb)"] * len(values))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {table} AS t SET
                state = 'done', finished_at = {NOW}, last_error = '', lease_token = NULL,
                effects = v.effects,
                attempt_log = t.attempt_log
                    || jsonb_build_array(jsonb_build_object('at', {NOW}, 'ms', %s::float))
            FROM (VALUES {places}) AS v (id, token, effects)
            WHERE t.id = v.id AND t.lease_token = v.token AND t.state = 'leased'
            """,  # noqa: S608
            [round(ms, 1), *(value for row in values for value in row)],
        )
        if cursor.rowcount != len(rows):
            raise LostLease(f"{len(rows) - cursor.rowcount} of {len(rows)} leases were lost.")


def fail(row: Leased, error: BaseException, *, ms: float) -> None:
    """Puts a row back with a delay, or sets it aside; does nothing if the lease is lost."""
    dead = row.attempts >= most_attempts() or (isinstance(error, OmiError) and not error.retryable)
    wait_s = None if dead else round(_retry_of(row).delay_s(row.attempts), 1)
    text = describe(error)
    entry = {"ms": round(ms, 1), "error": text, "error_class": type(error).__name__}
    if wait_s is not None:
        entry["wait_s"] = wait_s
    row.held().update(
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


def _retry_of(row: Leased) -> Retry:
    kind = work_types.get(type(row))
    return kind.retry if kind else Retry()


def waiting_until(at: Any) -> dict[str, Any]:
    """The values of a row that anybody may claim from then on; whoever held it holds it no more."""
    return {"state": State.PENDING, "next_attempt_at": at, "lease_token": None}


def release(row: Leased, at: Any) -> None:
    """As if it had not been claimed, until its moment; does nothing if the lease is lost."""
    row.held().update(**waiting_until(at), attempts=F("attempts") - 1)


def claim_row(row: Leased, among: "models.QuerySet[Any]", *, lease: timedelta) -> bool:
    """Takes one row for who works it at once, outside its lane; False if it is not among these
    any more. It counts as no attempt: left alone, the lane works it from the start."""
    row.state, row.lease_token = State.LEASED, uuid4()
    return bool(
        among.filter(pk=row.pk).update(
            state=State.LEASED, lease_token=row.lease_token, next_attempt_at=Now() + lease
        )
    )


def drop(row: Leased, gone: Gone) -> None:
    row.held().update(
        state=State.IGNORED, finished_at=Now(), last_error=str(gone), lease_token=None
    )


def _appended_now(entry: dict[str, Any]) -> Func:
    stamped = Func(
        Value([entry], JSONField()),
        Value("{0,at}"),
        Func(Now(), function="to_jsonb"),
        template="jsonb_set(%(expressions)s)",
    )
    return Func(F("attempt_log"), stamped, arg_joiner=" || ", template="(%(expressions)s)")


def replay(rows: "models.QuerySet[Row]", *, behind: bool = False, **changes: Any) -> int:
    """The rows are worked from the start, whatever their state, unless one runs now; `behind`
    those that were never worked, which their lane takes first."""
    return rows.exclude(state=State.LEASED, next_attempt_at__gt=Now()).update(
        **waiting_until(Now()),
        attempts=int(behind),
        last_error="",
        finished_at=None,
        **changes,
    )
