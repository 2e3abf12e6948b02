"""Processes die, or come back when nobody waits for them any more."""

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bench.processes import send as send_signal
from bench.stack import Stack
from tests.faults.harm import every, kill_a_web_worker, kill_a_worker
from tests.faults.ledger import Finding, audit, duplicates, wait_until_worked
from tests.faults.sending import mixture, segment, send, speech, with_repeats
from tests.faults.worker import DEADLY, FREEZES_AFTER, FREEZES_BEFORE

SOON_S = 40.0
ATTEMPTS = 7
T = TypeVar("T")
MARKED = "SELECT state, attempts FROM webhooks_delivery WHERE dedup_key = %s"


def workers_killed(stack: Stack, scale: float) -> Finding:
    sendings = with_repeats(mixture("killed", round(7000 * scale)), 0.3)
    lasting_s = max(5.0, 30.0 * scale)
    with every(1.0, partial(kill_a_worker, stack)) as kills:
        answers = send(stack, sendings, per_s=len(sendings) / lasting_s)
    finding = Finding(figures={"deliveries": len(sendings), "kills": len(kills)})
    finding.some(kills=len(kills))
    finding.within("drained_s", wait_until_worked(stack, within_s=180), 120)
    audit(stack, finding, sendings, answers)
    repeats = sum(answer.duplicate for answer in answers)
    finding.equal(repeats_counted=duplicates(stack), to=repeats)
    return finding


def web_killed(stack: Stack, scale: float) -> Finding:
    sendings = with_repeats(mixture("web", round(7000 * scale)), 0.3)
    lasting_s = max(5.0, 20.0 * scale)
    with every(1.0, partial(kill_a_web_worker, stack)) as kills:
        answers = send(stack, sendings, per_s=len(sendings) / lasting_s)
    finding = Finding(figures={"deliveries": len(sendings)})
    finding.some(kills=len(kills), broken=sum(answer.status == 0 for answer in answers))
    finding.zero(refused=sum(answer.status not in (0, 200) for answer in answers))
    finding.within("drained_s", wait_until_worked(stack, within_s=120), 60)
    audit(stack, finding, sendings, answers)
    return finding


def poison(stack: Stack, scale: float) -> Finding:
    """One delivery kills whatever works on it. The others must not suffer for long."""
    others = mixture("poison", max(60, round(300 * scale)) - 1)
    deadly = speech("poison-deadly", "poison-person", [segment("deadly", 0.0, DEADLY)])
    half = len(others) // 2
    answers = send(stack, [*others[:half], deadly, *others[half:]])
    drained_s = wait_until_worked(stack, within_s=180)
    state, attempts = stack.sql(MARKED, [deadly.key])[0]
    finding = Finding(figures={"deliveries": len(others) + 1, "poison": state})
    finding.holds("the poison is set aside", true=state == "dead")
    finding.equal(attempts=attempts, to=ATTEMPTS)
    finding.within("drained_s", drained_s, 120)
    most = "SELECT max(attempts) FROM webhooks_delivery WHERE dedup_key <> %s"
    finding.at_most("most_attempts_of_others", stack.sql(most, [deadly.key])[0][0], 3)
    audit(stack, finding, others, answers, set_aside=[deadly.key])
    return finding


def fencing(stack: Stack, scale: float) -> Finding:
    """A worker is frozen until its lease is over and another has taken the row, then goes on."""
    finding = Finding()
    rounds = max(1, round(5 * scale))
    refused_before = _leases_lost(stack)
    sendings, answers, late_writes = [], [], 0
    for number in range(rounds):
        for name, mark in (("before", FREEZES_BEFORE), ("after", FREEZES_AFTER)):
            uid = f"frozen-{name}-{number}"
            sending = speech(f"{uid}-key", uid, [segment(f"{uid}-id", 0.0, mark)])
            sendings.append(sending)
            answers += send(stack, [sending])
            frozen = _await("a frozen job", lambda: _frozen(stack))
            _overtake(stack, sending.key, name)
            before = _rows(stack, uid)
            lost = _leases_lost(stack)
            send_signal(frozen, signal.SIGCONT)
            _await("the late job's end", lambda lost=lost: _leases_lost(stack) > lost)  # type: ignore[misc]
            wait_until_worked(stack, within_s=SOON_S)
            late_writes += name == "before" and _rows(stack, uid) != before
    finding.figures |= {"late_workers": 2 * rounds}
    finding.equal(refused=_leases_lost(stack) - refused_before, to=2 * rounds)
    finding.zero(late_writes=late_writes)
    audit(stack, finding, sendings, answers)
    return finding


def _overtake(stack: Stack, key: str, name: str) -> None:
    """Until another worker is done; or, where the frozen one holds the locks, has the row."""
    wanted = ("done", 2) if name == "before" else ("leased", 2)
    _await("another worker", lambda: stack.sql(MARKED, [key])[0] == wanted)


def _frozen(stack: Stack) -> int | None:
    for child in stack.children("inbox"):
        for pid in child.tree():
            stat = Path(f"/proc/{pid}/stat")
            if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "T":
                return pid
    return None


def _leases_lost(stack: Stack) -> int:
    return sum(stack.log(child.name).count("lease lost") for child in stack.children("inbox"))


def _rows(stack: Stack, uid: str) -> list[tuple[Any, ...]]:
    """What the delivery became, with the transaction that wrote each row last."""
    return stack.sql(
        """
        SELECT d.xmin::text, d::text FROM webhooks_delivery d WHERE query->>'uid' = %s
        UNION ALL SELECT s.xmin::text, s::text FROM conversations_omisession s WHERE s.uid = %s
        UNION ALL SELECT g.xmin::text, g::text FROM conversations_transcriptsegment g
            JOIN conversations_omisession s ON s.id = g.session_id WHERE s.uid = %s
        ORDER BY 2
        """,
        [uid, uid, uid],
    )


def _await(what: str, found: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise TimeoutError(f"Waited in vain for {what}.")
