"""Memories by the hundred thousand, whose words are as unevenly frequent as those of speech;
and conversations."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, product
from typing import Any

import numpy as np

from omibackend.core.postgres.ids import uuid7

WORDS = 50_000
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
COLUMNS = (
    "id, owner_id, kind, source, title, text, category, emoji, language, occurred_at, pinned, "
    "edited_fields, sender_version, content_hash, segment_keys, quote, details"
)
CATEGORIES = ("work", "family", "health", "other")
BEGAN = datetime(2016, 1, 1)  # noqa: DTZ001 (the COPY says UTC)
EVERY = timedelta(minutes=5)
AT_ONCE = 20_000


class Speech:
    """Words by their rank: the first is in nearly every text, the last in almost none."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.words = np.array(list(islice(_words(), WORDS)))
        # Zipf's law with Mandelbrot's correction, as it fits English.
        weights = 1 / (np.arange(WORDS) + 2.7) ** 1.07
        self._sums = np.cumsum(weights / weights.sum())

    def say(self, count: int) -> Any:
        return self.words[np.searchsorted(self._sums, self.random.random(count))]

    def word(self, first: int, last: int) -> str:
        return str(self.words[self.random.integers(first, last)])

    def texts(self, count: int, shortest: int, longest: int) -> Iterator[list[str]]:
        for length in self.random.integers(shortest, longest, count):
            yield self.say(int(length)).tolist()


def _words() -> Iterator[str]:
    for syllables in (1, 2, 3):
        yield from map("".join, product(SYLLABLES, repeat=syllables))


def load(cursor: Any, owner_id: int, texts: Iterator[list[str]]) -> None:
    """One memory every five minutes, one in a thousand pinned."""
    numbered = enumerate(texts)
    while some := list(islice(numbered, AT_ONCE)):
        lines = "".join(_line(owner_id, number, words) for number, words in some)
        cursor.copy_expert(f"COPY memories_memory ({COLUMNS}) FROM STDIN", io.StringIO(lines))


def _line(owner_id: int, number: int, words: Sequence[str]) -> str:
    title, text = " ".join(words[:5]), " ".join(words[5:])
    at = BEGAN + number * EVERY
    pinned = "t" if number % 1000 == 0 else "f"
    fields = (
        *(str(uuid7()), str(owner_id), "conversation", "omi", title, text),
        *(CATEGORIES[number % 4], "", "en", f"{at}+00", pinned),
        *("{}", "{}", f"{owner_id}-{number}", "[]", "", "{}"),
    )
    return "\t".join(fields) + "\n"


def load_conversations(cursor: Any, owner_id: int, count: int) -> None:
    """As often, each with its session and nothing said in it."""
    values = [owner_id, f"{BEGAN}+00", EVERY, count]
    cursor.execute(
        """
        WITH heard AS (
            INSERT INTO conversations_omisession
                (id, owner_id, uid, started_at, first_received_at, last_received_at)
            SELECT gen_random_uuid(), %s, 'wearable', at, at, at
            FROM (SELECT %s::timestamptz + number * %s::interval AS at
                  FROM generate_series(0, %s - 1) AS number) AS moments
            RETURNING id, owner_id, started_at
        )
        INSERT INTO conversations_conversation
            (id, owner_id, kind, session_id, started_at, last_message_at)
        SELECT id, owner_id, 'omi', id, started_at, started_at FROM heard
        """,
        values,
    )
