"""Deliveries as Omi sends them, and senders that do not give up.

Every answer is kept, also the refused ones and the broken connections: what was acknowledged
is known by its key, and has to be found again.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.stack import Stack

RETRY_S = 0.1
GIVEN_UP_AFTER_S = 120.0
TIMEOUT_S = 30.0
WORDS = "well the meeting was moved to Tuesday because nobody could come and I think that we should"


@dataclass(frozen=True)
class Sending:
    """One delivery, and what has to be found in the database once it is worked."""

    key: str
    uid: str
    body: bytes
    segments: tuple[str, ...] = ()
    memory: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: the connection broke before an answer."""

    key: str
    begun_at: float
    took_s: float
    status: int
    retry_after: str | None = None
    duplicate: bool = False
    error: str = ""

    @property
    def ended_at(self) -> float:
        return self.begun_at + self.took_s

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def segment(key: str | None, start_s: float, text: str, *, speaker: int = 0) -> dict[str, Any]:
    return {
        "id": key,
        "text": text,
        "speaker": f"SPEAKER_0{speaker}",
        "speaker_id": speaker,
        "is_user": speaker == 0,
        "person_id": None,
        "start": start_s,
        "end": start_s + 2.5,
    }


def speech(key: str, uid: str, segments: Sequence[dict[str, Any]]) -> Sending:
    body = json.dumps({"segments": list(segments), "session_id": uid}).encode()
    return Sending(key, uid, body, segments=tuple(item["id"] for item in segments if item["id"]))


def memory(key: str, uid: str) -> Sending:
    """A finished conversation: a memory with one thing to do, and two final segments."""
    spoken = [segment(f"{key}-{n}", n * 3.0, f"Final words {n} of {key}") for n in range(2)]
    body = {
        "id": key,
        "created_at": "2026-03-01T10:00:00+00:00",
        "started_at": "2026-03-01T09:50:00+00:00",
        "finished_at": "2026-03-01T10:00:00+00:00",
        "source": "omi",
        "structured": {
            "title": f"Conversation {key}",
            "overview": f"What was agreed in {key}.",
            "emoji": "🧠",
            "category": "work",
            "action_items": [{"description": f"Follow up on {key}", "completed": False}],
            "events": [],
        },
        "transcript_segments": spoken,
        "discarded": False,
    }
    keys = tuple(item["id"] for item in spoken)
    return Sending(key, uid, json.dumps(body).encode(), segments=keys, memory=key)


def mixture(prefix: str, count: int, *, memories: float = 0.05) -> list[Sending]:
    """Many people's live speech, one to three segments at a time, and some memories."""
    chance = random.Random(prefix)
    people = max(2, count // 20)
    clocks = [0.0] * people
    found = []
    for number in range(count):
        key = f"{prefix}-{number}"
        person = chance.randrange(people)
        if chance.random() < memories:
            found.append(memory(key, f"{prefix}-memory-{number}"))
            continue
        said = []
        for place in range(chance.randint(1, 3)):
            said.append(segment(f"{key}-{place}", clocks[person], WORDS, speaker=place % 2))
            clocks[person] += 3.0
        found.append(speech(key, f"{prefix}-person-{person}", said))
    return found


def with_repeats(sendings: Sequence[Sending], share: float) -> list[Sending]:
    """So many more of the same that `share` of all are repeats, each somewhere after the first."""
    chance = random.Random(len(sendings))
    repeats = round(len(sendings) * share / (1 - share))
    places = [(number, item) for number, item in enumerate(sendings)]
    for number, item in chance.choices(places, k=repeats):
        places.append((number + chance.randint(1, 200), item))
    return [item for _, item in sorted(places, key=lambda place: place[0])]


class Senders:
    """Connections that send what they are given, each until it is acknowledged."""

    def __init__(
        self,
        stack: Stack,
        sendings: Iterable[Sending],
        *,
        connections: int = 8,
        per_s: float | None = None,
    ) -> None:
        self.stack = stack
        self.answers: list[Answer] = []
        self.begun_at = time.monotonic()
        self._queue = self._paced(iter(sendings), per_s)
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(connections)
        ]
        for thread in self._threads:
            thread.start()

    def _paced(
        self, sendings: Iterator[Sending], per_s: float | None
    ) -> Iterator[tuple[float, Sending]]:
        for number, sending in enumerate(sendings):
            yield self.begun_at + (number / per_s if per_s else 0.0), sending

    def wait(self) -> list[Answer]:
        for thread in self._threads:
            thread.join()
        return self.answers

    def _run(self) -> None:
        connection = self._connect()
        while True:
            with self._lock:
                due_at, sending = next(self._queue, (0.0, None))
            if sending is None:
                break
            time.sleep(max(0.0, due_at - time.monotonic()))
            give_up_at = time.monotonic() + GIVEN_UP_AFTER_S
            while not self._send(connection, sending).accepted and time.monotonic() < give_up_at:
                time.sleep(RETRY_S)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=TIMEOUT_S)

    def _send(self, connection: http.client.HTTPConnection, sending: Sending) -> Answer:
        endpoint = self.stack.endpoint
        headers = endpoint.headers(uid=sending.uid, body=sending.body, key=sending.key)
        begun_at = time.monotonic()
        try:
            connection.request("POST", f"{endpoint.path}?uid={sending.uid}", sending.body, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            took_s = time.monotonic() - begun_at
            answer = Answer(sending.key, begun_at, took_s, 0, error=type(error).__name__)
        else:
            answer = Answer(
                sending.key,
                begun_at,
                time.monotonic() - begun_at,
                response.status,
                response.getheader("Retry-After"),
                b'"duplicate":true' in text,
            )
        self.answers.append(answer)
        return answer


def send(
    stack: Stack, sendings: Iterable[Sending], *, connections: int = 8, per_s: float | None = None
) -> list[Answer]:
    return Senders(stack, sendings, connections=connections, per_s=per_s).wait()


def p99_ms(answers: Iterable[Answer]) -> float:
    took = sorted(answer.took_s for answer in answers)
    return took[int(len(took) * 0.99)] * 1000 if took else 0.0
