"""Whether chats that wait for a model slow the webhooks down:

python -m bench.chats            about two minutes
python -m bench.chats --quick    a smoke run, whose figures mean little

Fifty people chat while the model's server takes the question and says nothing for a minute. Who is
turned away asks again as soon as he may. Each repetition measures the acknowledgement with and
without them, in a random order, in one installation.
"""

import argparse
import http.client
import json
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench import report, wrk
from bench.measures import Cell, Loads, Plan, acknowledge
from bench.report import Ratio
from bench.stack import Stack

CHATS = 50
HANGS_S = 60.0
CONNECTIONS = 4
SETTLED_S = 2.0
MOST_RATIO = 1.1
FULL = Plan(repetitions=9, seconds=5, keep_up_seconds=0, rounds=0)
QUICK = Plan(repetitions=2, seconds=2, keep_up_seconds=0, rounds=0)


class HangingModel(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = 0
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: HangingModel

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.server.stopping.wait(HANGS_S)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def hanging_model() -> Iterator[HangingModel]:
    server = HangingModel()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Crowd:
    """People who chat until they are told to stop."""

    def __init__(self, stack: Stack, token: str) -> None:
        self.stack, self.token = stack, token
        self.stopping = threading.Event()
        self.statuses: Counter[int] = Counter()
        self.threads = [
            threading.Thread(target=self._chat, args=(number,), daemon=True)
            for number in range(CHATS)
        ]

    def __enter__(self) -> "Crowd":
        for thread in self.threads:
            thread.start()
        time.sleep(SETTLED_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=HANGS_S + 5)

    def _chat(self, number: int) -> None:
        self.stopping.wait(random.uniform(0, SETTLED_S))
        asked = 0
        while not self.stopping.is_set():
            asked += 1
            body = {"session_id": f"person-{number}", "message": f"Question {asked}?"}
            status, wait_s = self._ask(json.dumps(body))
            self.statuses[status] += 1
            # Not all at the same moment, as no fifty people do.
            self.stopping.wait(wait_s * random.uniform(1, 2))

    def _ask(self, body: str) -> tuple[int, float]:
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=HANGS_S + 5)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        try:
            connection.request("POST", "/chat", body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, float(answer.headers.get("Retry-After", 0))
        except OSError:
            return 0, 1.0
        finally:
            connection.close()


def compared(plan: Plan, stack: Stack, model: HangingModel) -> list[Ratio]:
    token = stack.run_module("bench.person")["token"]
    cell = Cell("", stack.url, connections=CONNECTIONS)
    runs: list[Loads] = []
    seen: Counter[int] = Counter()
    for number in range(1, plan.repetitions + 1):
        loads: Loads = {}
        for chatting in random.sample((True, False), 2):
            name = f"{CHATS} chats" if chatting else "no chat"
            if chatting:
                with Crowd(stack, token) as crowd:
                    loads[name] = acknowledge(stack, cell, plan.seconds)
                    model.stopping.set()
                model.stopping.clear()
                seen += crowd.statuses
            else:
                loads[name] = acknowledge(stack, cell, plan.seconds)
            report.row(number, name, loads[name])
        runs.append(loads)
    told = ", ".join(f"{status}: {count}" for status, count in sorted(seen.items()))
    print(f"      the model was asked {model.asked} times; chats were answered {told}")
    clean = model.asked > 0 and all(load.clean for loads in runs for load in loads.values())
    return [
        _ratio("p99", [(r[f"{CHATS} chats"].p99_us, r["no chat"].p99_us) for r in runs], clean),
        _ratio("p50", [(r[f"{CHATS} chats"].p50_us, r["no chat"].p50_us) for r in runs], clean),
    ]


def _ratio(what: str, pairs: Sequence[tuple[float, float]], clean: bool) -> Ratio:
    values = [with_chats / without for with_chats, without in pairs]
    name = f"ACK {what}: with {CHATS} chats at a hanging model / without"
    return Ratio(name, values, MOST_RATIO, at_most=True, clean=clean)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures webhooks while chats wait for a model.")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    options = parser.parse_args()
    wrk.require()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with hanging_model() as model:
        asks = {
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_TIMEOUT": str(round(HANGS_S * 1000)),
            "REQUEST_TIMEOUT": str(round(HANGS_S * 1000)),
        }
        with Stack(settings=asks) as stack:
            report.environment(stack)
            ratios = compared(QUICK if options.quick else FULL, stack, model)
    report.table(ratios)
    return 0 if all(ratio.passed for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
