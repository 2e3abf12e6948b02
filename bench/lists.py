"""How the lists of memories and conversations read when there are a million:

python -m bench.lists             about three minutes
python -m bench.lists --quick     a smoke run, whose figures mean little

Its own engines and database; requests go through the real views, with a token, in this process.
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engines import Engines
from bench.report import Ratio, memory_gb, processor, table

PAGE_ROWS = 50
MOST_MS = 50.0
MOST_DEEP_RATIO = 1.3


@dataclass(frozen=True)
class Scale:
    many: int
    few: int
    searched: int
    repetitions: int
    pages: int
    queries: int


FULL = Scale(many=1_000_000, few=1000, searched=100_000, repetitions=7, pages=40, queries=20)
QUICK = Scale(many=20_000, few=1000, searched=5000, repetitions=3, pages=10, queries=5)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures lists and search against their targets.")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    scale = QUICK if parser.parse_args().quick else FULL
    with tempfile.TemporaryDirectory(prefix="omibackend-run-") as folder:
        engines = Engines(Path(folder))
        try:
            ratios = measure(engines, scale)
        finally:
            engines.close()
    table(ratios)
    return 0 if all(ratio.passed for ratio in ratios) else 1


def measure(engines: Engines, scale: Scale) -> list[Ratio]:
    environment = {
        "DATABASE_URL": engines.database_url,
        "REDIS_URL": engines.redis_url,
        "VAR_DIR": str(engines.var),
        "DJANGO_SETTINGS_MODULE": "omibackend.settings",
        "LOG_LEVEL": "ERROR",
        "ALLOWED_HOSTS": "testserver",
    }
    os.environ.update(environment)
    (engines.var / "static").mkdir()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(f"{processor()}, {os.cpu_count()} cores, {memory_gb():.0f} GB")
    people = fill(scale)
    # What was imported and loaded is no part of a request: the collector need not look at it.
    gc.collect()
    gc.freeze()
    return [*deep(people, scale), *searched(people["searched"], scale)]


@dataclass(frozen=True)
class Person:
    id: int
    rows: int
    client: Any

    def get(self, address: str) -> tuple[float, Any]:
        """How long the answer took in milliseconds, and what it is."""
        started = time.perf_counter()
        answer = self.client.get(address)
        took_ms = (time.perf_counter() - started) * 1000
        assert answer.status_code == 200, answer.content
        return took_ms, answer.json()


def person(name: str, rows: int) -> Person:
    from django.contrib.auth import get_user_model
    from rest_framework.test import APIClient

    from omibackend.accounts.models import Token

    user = get_user_model().objects.create_user(f"{name}@example.org")
    client = APIClient()
    _, token = Token.objects.create(user)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return Person(user.pk, rows, client)


def fill(scale: Scale) -> dict[str, Person]:
    """All in one table, so that who searches 100,000 memories does so beside a million others."""
    from django.db import connection

    from bench.spoken import Speech, load, load_conversations

    started = time.perf_counter()
    lengths = {"many": (6, 16), "few": (6, 16), "searched": (40, 140)}
    rows = {"many": scale.many, "few": scale.few, "searched": scale.searched}
    people = {name: person(name, rows[name]) for name in rows}
    with connection.cursor() as cursor:
        indexes = _dropped_indexes(cursor)
        for number, (name, one) in enumerate(people.items()):
            texts = Speech(seed=number).texts(one.rows, *lengths[name])
            load(cursor, one.id, texts)
        for definition in indexes:
            cursor.execute(definition)
        for name in ("many", "few"):
            load_conversations(cursor, people[name].id, rows[name])
        cursor.execute("VACUUM ANALYZE")
    print(f"{sum(rows.values())} memories and {scale.many + scale.few} conversations")
    print(f"loaded in {time.perf_counter() - started:.0f} s")
    return people


def _dropped_indexes(cursor: Any) -> list[str]:
    """An index is built faster than it grows; the key of the table stays."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'memories_memory'"
        " AND indexname LIKE 'memory\\_%' AND indexname <> 'memory_source_id'"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def deep(people: dict[str, Person], scale: Scale) -> list[Ratio]:
    """The page at nine tenths of the list, of many and of few, in turns."""
    ratios = []
    for name, path in (
        ("a page of memories at nine tenths", "/memories?"),
        ("the same of one category", "/memories?category=work&"),
        ("a page of conversations at nine tenths", "/conversations?"),
    ):
        many, few = (
            _place(people[which], path, people[which].rows * 9 // 10 - 100)
            for which in ("many", "few")
        )
        values = []
        for repetition in range(scale.repetitions):
            took = [
                (people["many"].get(many)[0], people["few"].get(few)[0]) for _ in range(scale.pages)
            ]
            of_many, of_few = (statistics.median(side) for side in zip(*took, strict=True))
            print(f"{repetition:>4}  {name:<40} {of_many:>6.1f} ms ÷ {of_few:>6.1f} ms")
            values.append(of_many / of_few)
        ratios.append(
            Ratio(f"{name}, {scale.many:,} ÷ {scale.few:,}", values, MOST_DEEP_RATIO, at_most=True)
        )
    return ratios


def _place(one: Person, path: str, rank: int) -> str:
    """The address of the page that begins after about so many of all the memories."""
    from urllib.parse import parse_qs, urlsplit

    from bench.spoken import BEGAN, EVERY

    before = BEGAN + (one.rows - rank) * EVERY
    _, page = one.get(f"{path}page_size=1&occurred_before={before:%Y-%m-%dT%H:%M:%SZ}")
    [cursor] = parse_qs(urlsplit(page["next"]).query)["cursor"]
    return f"{path}page_size={PAGE_ROWS}&cursor={cursor}"


def searched(one: Person, scale: Scale) -> list[Ratio]:
    from memories.search.finding import matching

    asked = queries(one)
    one.get("/memories?q=warm")
    took: dict[str, list[list[float]]] = {kind: [] for kind in asked}
    for _ in range(scale.repetitions):
        for kind, make in asked.items():
            took[kind].append([_search_ms(one, make()) for _ in range(scale.queries)])
    for kind, rounds in took.items():
        every = sorted(ms for each in rounds for ms in each)
        print(
            f"      q: {kind:<38} p50 {_at(every, 0.5):>6.1f} ms  p95 {_at(every, 0.95):>6.1f} ms"
        )
    in_rounds = [
        [ms for rounds in took.values() for ms in rounds[number]]
        for number in range(scale.repetitions)
    ]
    questions = [_timed(lambda: matching(one.id, " ".join(_telling(asked)), 8)) for _ in range(40)]
    print(
        f"      {'a question of six words, for a model':<41} p50 {_at(questions, 0.5):>6.1f} ms  "
        f"p95 {_at(questions, 0.95):>6.1f} ms"
    )
    return [
        Ratio(
            f"q over {scale.searched:,}, p95 ÷ {MOST_MS:.0f} ms",
            [_at(each, 0.95) / MOST_MS for each in in_rounds],
            1.0,
            at_most=True,
        ),
    ]


def queries(one: Person) -> dict[str, Callable[[], str]]:
    """What people type, by how many memories hold it."""
    from bench.spoken import Speech
    from memories.models import Memory

    speech = Speech(seed=99)
    texts = list(
        Memory.objects.filter(owner_id=one.id).order_by("id").values_list("text", flat=True)[:500]
    )

    def phrase(length: int) -> str:
        words = str(speech.random.choice(texts)).split()
        start = int(speech.random.integers(0, len(words) - length))
        return f'"{" ".join(words[start : start + length])}"'

    word = speech.word
    return {
        "a very common word": lambda: word(0, 20),
        "a common word": lambda: word(20, 200),
        "a middling word": lambda: word(200, 2000),
        "a rare word": lambda: word(2000, 20_000),
        "a very rare word": lambda: word(20_000, 50_000),
        "a word that was never said": lambda: "unheard" + word(0, 100),
        "two common words": lambda: f"{word(0, 200)} {word(0, 200)}",
        "a common and a rare word": lambda: f"{word(0, 200)} {word(2000, 20_000)}",
        "a phrase of two words": lambda: phrase(2),
        "a phrase of four words": lambda: phrase(4),
        "a common word without another": lambda: f"{word(0, 200)} -{word(0, 200)}",
        "a rare word without a common one": lambda: f"{word(2000, 20_000)} -{word(0, 50)}",
        "anything without a common word": lambda: f"-{word(0, 50)}",
        "this or that": lambda: f"{word(20, 2000)} or {word(20, 20_000)}",
    }


def _telling(asked: dict[str, Callable[[], str]]) -> list[str]:
    kinds = ("a common word", "a middling word", "a rare word")
    return [asked[kind]() for kind in kinds for _ in range(2)]


def _search_ms(one: Person, q: str) -> float:
    from urllib.parse import quote

    return one.get(f"/memories?q={quote(q)}")[0]


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


if __name__ == "__main__":
    sys.exit(main())
