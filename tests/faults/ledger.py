"""What was promised against what is in the database."""

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from psycopg2.errors import DeadlockDetected

from bench.stack import Stack
from tests.faults.sending import Answer, Sending

POLL_S = 0.1
CLEARED_BY = 10
LIVE = "SELECT count(*) FROM webhooks_delivery WHERE state IN ('pending', 'leased')"
# A done delivery has one attempt without an error. Two: its effects were applied twice.
WORKED_TWICE = """
SELECT count(*) FROM webhooks_delivery WHERE state = 'done' AND 1 <> (
    SELECT count(*) FROM jsonb_array_elements(attempt_log) AS entry WHERE NOT entry ? 'error')
"""
SAID_TWICE = """
SELECT count(*) FROM (
    SELECT FROM conversations_transcriptsegment g
    JOIN conversations_omisession s ON s.id = g.session_id
    GROUP BY s.owner_id, s.uid, g.key HAVING count(*) > 1) AS twice
"""
# The count goes up with each effect: an effect applied twice shows here.
MISCOUNTED = """
SELECT count(*) FROM conversations_omisession s WHERE segment_count <> (
    SELECT count(*) FROM conversations_transcriptsegment g WHERE g.session_id = s.id)
"""
REMEMBERED = "SELECT source_id FROM memories_memory WHERE kind = 'conversation'"
TO_DO = "SELECT description FROM memories_actionitem"


@dataclass
class Finding:
    """A scenario's row: figures to read, and checks that must all hold.

    What depends on how busy the machine is, is checked apart: a test doesn't ask for it.
    """

    figures: dict[str, object] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    timings: dict[str, bool] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        return [name for name, holds in self.checks.items() if not holds]

    @property
    def failed(self) -> list[str]:
        return self.broken + [name for name, holds in self.timings.items() if not holds]

    def zero(self, **counts: int) -> None:
        """Figures that have to be nought."""
        for name, count in counts.items():
            self.figures[name] = count
            self.checks[f"{name} is 0"] = count == 0

    def some(self, **counts: int) -> None:
        """Figures without which the scenario would have shown nothing."""
        for name, count in counts.items():
            self.figures[name] = count
            self.checks[f"there are {name}"] = count > 0

    def equal(self, *, to: int, **counts: int) -> None:
        for name, count in counts.items():
            self.figures[name] = count
            self.checks[f"{name} is {to}"] = count == to

    def holds(self, name: str, *, true: bool) -> None:
        self.checks[name] = true

    def at_most(self, name: str, value: float, limit: float) -> None:
        self._limit(self.checks, name, value, limit)

    def within(self, name: str, value: float, limit: float) -> None:
        """A timing or what goes with it, the unit at the end of its name."""
        self._limit(self.timings, name, value, limit)

    def _limit(self, kept: dict[str, bool], name: str, value: float, limit: float) -> None:
        self.figures[name] = round(value, 1)
        kept[f"{name} <= {limit:g}"] = value <= limit


def wait_until_worked(stack: Stack, *, within_s: float) -> float:
    """Seconds until no delivery waits or runs, or the time is up."""
    begun_at = time.monotonic()
    while stack.sql(LIVE)[0][0] and time.monotonic() - begun_at < within_s:
        time.sleep(POLL_S)
    return time.monotonic() - begun_at


def clear(stack: Stack) -> None:
    """Nothing of an earlier scenario on the same installation, whose workers may still be at it."""
    tables = "webhooks_delivery, conversations_omisession, memories_memory"
    wait_until_worked(stack, within_s=60)
    for left in reversed(range(CLEARED_BY)):
        try:
            stack.sql(f"TRUNCATE {tables} CASCADE")
        except DeadlockDetected:
            if not left:
                raise
            time.sleep(POLL_S)
        else:
            return


def audit(
    stack: Stack,
    finding: Finding,
    sendings: Iterable[Sending],
    answers: Sequence[Answer],
    *,
    set_aside: Collection[str] = (),
) -> None:
    """Everything acknowledged is done and its effects are there; nothing happened twice."""
    unique = {item.key: item for item in sendings if item.key not in set_aside}
    acknowledged = {a.key for a in answers if a.accepted and a.key not in set_aside}
    rows = stack.sql("SELECT dedup_key, state FROM webhooks_delivery")
    states = {key: state for key, state in rows if key not in set_aside}
    done = {key for key, state in states.items() if state == "done"}
    finding.figures |= {"acknowledged": len(acknowledged), "stored": len(states)}
    finding.zero(
        unacknowledged=len(unique.keys() - acknowledged),
        lost=len(acknowledged - done),
        not_done=len(states) - len(done),
        missing_segments=_missing_segments(stack, [unique[key] for key in done & unique.keys()]),
        missing_memories=_missing_memories(stack, [unique[key] for key in done & unique.keys()]),
        applied_twice=sum(
            stack.sql(query)[0][0] for query in (WORKED_TWICE, SAID_TWICE, MISCOUNTED)
        )
        + _doubled(stack, REMEMBERED)
        + _doubled(stack, TO_DO),
    )


def duplicates(stack: Stack) -> int:
    """Repeats as the inbox counted them."""
    return int(stack.sql("SELECT coalesce(sum(duplicates), 0) FROM webhooks_delivery")[0][0])


def _missing_segments(stack: Stack, done: Sequence[Sending]) -> int:
    wanted = {(sending.uid, key) for sending in done for key in sending.segments}
    found = stack.sql(
        "SELECT s.uid, g.key FROM conversations_transcriptsegment g "
        "JOIN conversations_omisession s ON s.id = g.session_id"
    )
    return len(wanted - set(found))


def _missing_memories(stack: Stack, done: Sequence[Sending]) -> int:
    wanted = {sending.memory for sending in done if sending.memory}
    to_do = {f"Follow up on {key}" for key in wanted}
    missing = wanted - {row[0] for row in stack.sql(REMEMBERED)}
    return len(missing) + len(to_do - {row[0] for row in stack.sql(TO_DO)})


def _doubled(stack: Stack, query: str) -> int:
    rows = stack.sql(query)
    return len(rows) - len(set(rows))
