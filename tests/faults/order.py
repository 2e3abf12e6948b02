"""The same things at once, twice, late and in any order."""

import hashlib
import random
import time
from typing import Any

from bench.stack import Stack
from tests.faults.harm import every
from tests.faults.ledger import Finding, audit, duplicates, wait_until_worked
from tests.faults.sending import Senders, Sending, mixture, p99_ms, segment, send, speech

SEGMENTS = 50
# Shorter than the silence that parts sessions, and longer.
PAUSE_S, SILENCE_S = 100.0, 1000.0
LATE_SHARE, REPEATED_SHARE = 0.05, 0.2
LATE_S = 1.0


def one_key(stack: Stack, scale: float) -> Finding:
    count = round(10_000 * scale)
    [sending] = mixture("one", 1, memories=0)
    answers = send(stack, [sending] * count, connections=64)
    wait_until_worked(stack, within_s=60)
    finding = Finding(figures={"deliveries": count, "p99_ms": round(p99_ms(answers), 1)})
    finding.zero(not_2xx=sum(not answer.accepted for answer in answers))
    audit(stack, finding, [sending], answers)
    finding.equal(rows=stack.sql("SELECT count(*) FROM webhooks_delivery")[0][0], to=1)
    finding.equal(duplicates=duplicates(stack), to=count - 1)
    finding.equal(told_so=sum(answer.duplicate for answer in answers), to=count - 1)
    return finding


def shuffled(stack: Stack, scale: float) -> Finding:
    """The transcript must not depend on how its deliveries came in."""
    people = max(2, round(100 * scale))
    straight = [item for person in range(people) for item in _day_of("straight", person)]
    mixed, late = _shuffled([i for person in range(people) for i in _day_of("shuffled", person)])
    answers = send(stack, straight, connections=1)
    wait_until_worked(stack, within_s=60)
    answers += send(stack, mixed)
    time.sleep(LATE_S)
    answers += send(stack, late)
    wait_until_worked(stack, within_s=60)
    wanted, found = _transcript(stack, "straight"), _transcript(stack, "shuffled")
    finding = Finding(figures={"deliveries": len(answers), "lines": len(wanted.splitlines())})
    finding.equal(sessions=wanted.count("\n= "), to=2 * people)
    finding.figures["sha256"] = hashlib.sha256(found.encode()).hexdigest()[:12]
    finding.holds("both transcripts are the same text", true=found == wanted)
    audit(stack, finding, [*straight, *mixed, *late], answers)
    return finding


def _day_of(prefix: str, person: int) -> list[Sending]:
    """Two conversations of one person, in deliveries of one to three segments. Every third
    segment has no id of its own."""
    chance = random.Random(person)
    uid = f"{prefix}-{person}"
    found = []
    for conversation in range(2):
        said: list[dict[str, Any]] = []
        for number in range(SEGMENTS):
            start_s = conversation * SILENCE_S + number * 3.0 + (number >= SEGMENTS // 2) * PAUSE_S
            key = None if number % 3 == 2 else f"{person}-{conversation}-{number}"
            said.append(segment(key, start_s, f"Sentence {number} of {conversation}."))
        while said:
            taken = chance.randint(1, 3)
            found.append(speech(f"{uid}-{conversation}-{len(said)}", uid, said[:taken]))
            said = said[taken:]
    return found


def _shuffled(sendings: list[Sending]) -> tuple[list[Sending], list[Sending]]:
    chance = random.Random(7)
    late = chance.sample(sendings, round(len(sendings) * LATE_SHARE))
    held_back = {sending.key for sending in late}
    mixed = [sending for sending in sendings if sending.key not in held_back]
    mixed += chance.sample(mixed, round(len(mixed) * REPEATED_SHARE))
    chance.shuffle(mixed)
    return mixed, late


def _transcript(stack: Stack, prefix: str) -> str:
    rows = stack.sql(
        """
        SELECT s.uid, s.min_start_s, s.max_end_s, s.segment_count, string_agg(
            g.start_s || '-' || g.end_s || ' ' || g.speaker || ': ' || g.text, E'\n'
            ORDER BY g.start_s, g.end_s, g.text)
        FROM conversations_omisession s
        JOIN conversations_transcriptsegment g ON g.session_id = s.id
        WHERE s.uid LIKE %s GROUP BY s.id ORDER BY s.uid, s.min_start_s, s.id
        """,
        [f"{prefix}-%"],
    )
    return "".join(
        f"\n= {uid.removeprefix(prefix)} {start_s} {end_s} ({count})\n{text}"
        for uid, start_s, end_s, count, text in rows
    )


def two_sweepers(stack: Stack, scale: float) -> Finding:
    """Two schedulers, and hardly a wake-up survives: Redis is wiped twice a second. Half-way
    one of the schedulers is killed."""
    lasting_s = max(6.0, 60 * scale)
    sendings = mixture("swept", round(50 * lasting_s))
    lengths: list[int] = []

    def look_and_wipe() -> bool:
        with stack.engines.redis() as redis:
            lengths.append(int(str(redis.llen("rq:queue:inbox"))))
            redis.flushall()
        return True

    with every(0.5, look_and_wipe) as wipes:
        senders = Senders(stack, sendings, per_s=50)
        time.sleep(lasting_s / 2)
        stack.children("cron")[0].kill_tree()
        answers = senders.wait()
        drained_s = wait_until_worked(stack, within_s=60)
    finding = Finding(figures={"wipes": len(wipes)})
    finding.at_most("longest_queue", max(lengths), 20)
    finding.at_most("drained_s", drained_s, 30)
    audit(stack, finding, sendings, answers)
    return finding
