"""The same things at once, twice, late and in any order."""

import hashlib
import random
import time
from collections import Counter
from functools import partial
from typing import Any

from bench.stack import Stack
from tests.faults.harm import every, wipe_redis
from tests.faults.ledger import Finding, audit, duplicates, wait_until_worked
from tests.faults.sending import Answer, Sending, mixture, p99_ms, segment, send, speech

SEGMENTS = 50
# Shorter than the silence that parts sessions, and longer.
PAUSE_S, SILENCE_S = 100.0, 1000.0
LATE_SHARE, REPEATED_SHARE = 0.05, 0.2
LATE_S = 1.0
STORED_PER_S = 50


def one_key(stack: Stack, scale: float) -> Finding:
    count = round(10_000 * scale)
    [sending] = mixture("one", 1, memories=0)
    answers = send(stack, [sending] * count, connections=64)
    wait_until_worked(stack, within_s=60)
    finding = Finding(figures={"deliveries": count, "p99_ms": round(p99_ms(answers), 1)})
    odd = Counter(f"{answer.status} {answer.error}" for answer in answers if not answer.accepted)
    if odd:
        finding.figures["odd"] = dict(odd)
    finding.zero(not_2xx=odd.total())
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


STORE = """
INSERT INTO webhooks_delivery (id, endpoint_id, event, dedup_key, body, body_sha256, body_bytes,
    content_type, headers, query, signature, request_id, state)
VALUES (gen_random_uuid(), %s, %s, %s, %s, sha256(%s), %s, 'application/json', '{}',
    jsonb_build_object('uid', %s::text), '', '', 'pending')
"""
SLOWEST = "SELECT extract(epoch FROM max(finished_at - received_at)) FROM webhooks_delivery"


def two_sweepers(stack: Stack, scale: float) -> Finding:
    """Deliveries that nobody was woken for, two schedulers that find them, and a Redis that is
    wiped every second. Half-way one of the schedulers is killed."""
    sendings = mixture("swept", max(200, round(2000 * scale)))
    half = len(sendings) // 2
    with every(1.0, partial(wipe_redis, stack)) as wipes:
        _store(stack, sendings[:half])
        stack.children("cron")[0].kill_tree()
        _store(stack, sendings[half:])
        drained_s = wait_until_worked(stack, within_s=60)
    finding = Finding(figures={"deliveries": len(sendings), "wipes": len(wipes)})
    finding.within("drained_s", drained_s, 15)
    finding.within("slowest_s", float(stack.sql(SLOWEST)[0][0]), 15)
    audit(stack, finding, sendings, [Answer(item.key, 0.0, 0.0, 200) for item in sendings])
    return finding


def _store(stack: Stack, sendings: list[Sending]) -> None:
    """As a web process that dies between its COMMIT and the wake-up leaves them."""
    for item in sendings:
        event = "memory_created" if item.memory else "realtime_transcript"
        body = item.body
        values = [stack.endpoint.id, event, item.key, body, body, len(body), item.uid]
        stack.sql(STORE, values)
        time.sleep(1 / STORED_PER_S)
