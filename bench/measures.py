"""The six measurements. Each is a ratio inside one run: milliseconds do not travel, ratios do."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
import orjson

from bench import report, wrk
from bench.engines import ROOT
from bench.report import Ratio
from bench.stack import READY_WITHIN_S, Stack, free_port

PEER_TABLE = """
CREATE TABLE bench_peer (LIKE webhooks_delivery INCLUDING ALL);
ALTER TABLE bench_peer ADD FOREIGN KEY (endpoint_id) REFERENCES webhooks_endpoint
    DEFERRABLE INITIALLY DEFERRED
"""
UID = "bench-wearable"
WARM_UP_S = 1
SPEAKERS_AT_ONCE = 8
INBOX_WORKERS = 4
DRAINED_WITHIN_S = 600.0
Loads = dict[str, wrk.Load]


@dataclass(frozen=True)
class Plan:
    repetitions: int
    seconds: int
    keep_up_seconds: int
    rounds: int


FULL = Plan(repetitions=7, seconds=5, keep_up_seconds=60, rounds=9)
QUICK = Plan(repetitions=2, seconds=2, keep_up_seconds=8, rounds=3)


@dataclass(frozen=True)
class Cell:
    """One load: to whom, how many connections, how many messages in the body."""

    name: str
    url: str
    connections: int = 1
    messages: int = 1


def transcript(messages: int) -> bytes:
    """A realtime transcript as Omi sends it: 100 messages make about 18 kB."""
    segments = [
        {
            "id": str(uuid4()),
            "text": f"And then we went on to talk about item {number} of the list.",
            "speaker": f"SPEAKER_0{number % 2}",
            "speaker_id": number % 2,
            "is_user": number % 2 == 0,
            "person_id": None,
            "start": number * 3.0,
            "end": number * 3.0 + 2.5,
        }
        for number in range(messages)
    ]
    return orjson.dumps({"segments": segments, "session_id": UID})


@contextmanager
def peer(stack: Stack) -> Iterator[str]:
    """The yardstick beside the installation, on the same PostgreSQL; yields its address."""
    for statement in PEER_TABLE.split(";"):
        stack.sql(statement)
    port = free_port()
    env = {
        **stack.env,
        "PEER_TOKEN": stack.endpoint.path.split("/")[3],
        "PEER_SECRET": stack.endpoint.secret or "",
        "PEER_ENDPOINT_ID": stack.endpoint.id,
    }
    options = ["--workers", "2", "--loop", "uvloop", "--http", "httptools"]
    options += ["--no-access-log", "--log-level", "warning", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "bench.peer:app", *options],
        cwd=ROOT,
        env=env,
        start_new_session=True,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/health/ready").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer.")


def acknowledge(stack: Stack, cell: Cell, seconds: int) -> wrk.Load:
    """One cell: empty tables, a warm-up, then the load that counts."""
    for table in ("webhooks_delivery", "bench_peer"):
        if stack.sql("SELECT to_regclass(%s)", [table])[0][0]:
            stack.sql(f"TRUNCATE {table}")
    _one_load(stack, cell, WARM_UP_S)
    return _one_load(stack, cell, seconds)


def _one_load(stack: Stack, cell: Cell, seconds: int) -> wrk.Load:
    body = transcript(cell.messages)
    headers = stack.endpoint.headers(uid=UID, body=body)
    url = f"{cell.url}{stack.endpoint.path}?uid={UID}"
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        arguments = [file.name, headers["X-Omi-Signature"], f"{uuid4()}-"]
        return wrk.run(url, "ack.lua", *arguments, connections=cell.connections, seconds=seconds)


def interleaved(
    plan: Plan, stack: Stack, cells: Sequence[Cell], before: Callable[[Cell], None] | None = None
) -> list[Loads]:
    """Every cell once in each repetition, in a new order each time."""
    repetitions = []
    for number in range(1, plan.repetitions + 1):
        loads: Loads = {}
        for cell in random.sample(cells, len(cells)):
            if before:
                before(cell)
            loads[cell.name] = acknowledge(stack, cell, plan.seconds)
            report.row(number, cell.name, loads[cell.name])
        repetitions.append(loads)
    return repetitions


def _clean(repetitions: Sequence[Loads]) -> bool:
    return all(load.clean for loads in repetitions for load in loads.values())


def against_the_peer(plan: Plan, stack: Stack) -> list[Ratio]:
    with peer(stack) as peer_url:
        cells = [
            Cell(f"{who}, {connections}c", url, connections)
            for who, url in (("ours", stack.url), ("peer", peer_url))
            for connections in (1, 16)
        ]
        runs = interleaved(plan, stack, cells)
    one = [loads["ours, 1c"].p50_us / loads["peer, 1c"].p50_us for loads in runs]
    many = [loads["ours, 16c"].per_s / loads["peer, 16c"].per_s for loads in runs]
    return [
        Ratio("ACK p50, 1 connection: ours / peer", one, 1.5, at_most=True, clean=_clean(runs)),
        Ratio("ACK/s, 16 connections: ours / peer", many, 0.6, at_most=False, clean=_clean(runs)),
    ]


def many_messages(plan: Plan, stack: Stack) -> list[Ratio]:
    cells = [Cell(f"{messages} messages", stack.url, messages=messages) for messages in (1, 100)]
    runs = interleaved(plan, stack, cells)
    values = [loads["100 messages"].p50_us / loads["1 messages"].p50_us for loads in runs]
    name = "ACK p50: body of 100 messages / of 1"
    return [Ratio(name, values, 1.7, at_most=True, clean=_clean(runs))]


def without_redis(plan: Plan, stack: Stack) -> list[Ratio]:
    cells = [Cell(f"Redis {state}", stack.url) for state in ("up", "refused", "hung")]

    def put(cell: Cell) -> None:
        stack.engines.send("redis", signal.SIGCONT)
        if cell.name == "Redis refused":
            stack.engines.stop("redis", signal.SIGKILL)
        elif stack.engines.pid("redis") is None:
            stack.engines.start()
        if cell.name == "Redis hung":
            stack.engines.send("redis", signal.SIGSTOP)

    runs = interleaved(plan, stack, cells, before=put)
    put(Cell("Redis up", stack.url))
    ratios = []
    for state in ("refused", "hung"):
        values = [loads[f"Redis {state}"].p50_us / loads["Redis up"].p50_us for loads in runs]
        name = f"ACK p50: Redis {state} / up"
        ratios.append(Ratio(name, values, 1.3, at_most=True, clean=_clean(runs)))
    return ratios


def keeping_up(plan: Plan) -> list[Ratio]:
    """Deliveries worked while they come in, over those accepted in the same time."""
    with Stack(inbox=INBOX_WORKERS, maintenance=1, cron=1) as stack:
        url = f"{stack.url}{stack.unsigned_endpoint.path}"
        seconds = plan.keep_up_seconds
        load = wrk.run(url, "voices.lua", "v", connections=SPEAKERS_AT_ONCE, seconds=seconds)
        states = _states(stack)
        report.row(1, f"{SPEAKERS_AT_ONCE} connections, all lanes", load)
        accepted, done = states.total(), states["done"]
        drained_s = _drain(stack)
        left = {state: count for state, count in _states(stack).items() if state != "done"}
        segments = stack.sql("SELECT count(*) FROM conversations_transcriptsegment")[0][0]
    print(
        f"      accepted {accepted / seconds:.0f} /s, worked {done / seconds:.0f} /s, backlog at "
        f"the end {accepted - done}, drained after {drained_s:.1f} s, {segments} segments, "
        f"not done: {left or 'none'}"
    )
    name = f"worked/s / accepted/s, {INBOX_WORKERS} workers, {seconds} s"
    clean = load.clean and not left
    return [Ratio(name, [done / accepted], 0.95, at_most=False, clean=clean)]


def _states(stack: Stack) -> Counter[str]:
    found = stack.sql("SELECT state, count(*) FROM webhooks_delivery GROUP BY 1")
    return Counter(dict(found))


def _drain(stack: Stack) -> float:
    started = time.monotonic()
    live = "SELECT 1 FROM webhooks_delivery WHERE state IN ('pending', 'leased') LIMIT 1"
    while stack.sql(live) and time.monotonic() - started < DRAINED_WITHIN_S:
        time.sleep(0.1)
    return time.monotonic() - started


def hundred_segments(plan: Plan, stack: Stack) -> list[Ratio]:
    rounds = stack.run_module("bench.segments", str(plan.rounds))
    for number, took in enumerate(rounds, 1):
        print(
            f"{number:>4}  {'100 segments':<26} upsert {took['upsert_ms']:>6.2f} ms  "
            f"all the job does {took['job_ms']:>6.2f} ms  "
            f"update_or_create {took['each_ms']:>7.1f} ms"
        )
    # The first round also imports and plans.
    values = [took["each_ms"] / took["upsert_ms"] for took in rounds[1:]]
    return [Ratio("100 segments: update_or_create / upsert", values, 40, at_most=False)]


def run_all(plan: Plan) -> list[Ratio]:
    ratios: list[Ratio] = []
    with Stack() as stack:
        report.environment(stack)
        alone: list[tuple[str, Callable[[Plan, Stack], list[Ratio]]]] = [
            ("acknowledgement against the peer (no workers run)", against_the_peer),
            ("acknowledgement by size of the body", many_messages),
            ("acknowledgement without Redis", without_redis),
            ("100 segments of one delivery", hundred_segments),
        ]
        for title, measure in alone:
            print(f"\n{title}")
            ratios += measure(plan, stack)
    print("\naccepting and working at once")
    ratios += keeping_up(plan)
    print(f"\nload after  {' '.join(f'{load:.2f}' for load in os.getloadavg())}")
    return ratios
