"""How answers went: counted in the process, added to Redis once a second in five-minute buckets.

The acknowledgement pays for a dictionary update. What a process had not flushed when it died
is lost: these are figures to look at, never a basis for work.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import cache

from omibackend.core.redis import soft_redis

BUCKET_S = 300
KEPT_S = 25 * 3600
FLUSH_S = 1.0
# Upper edges of the histogram; the last bucket is open.
EDGES_MS = (0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000, 2500, 10_000)


class Tally:
    """Counts of this process since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def add(self, *fields: str) -> None:
        with self._lock:
            self._counts.update(fields)

    def flush(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        key = _key(int(time.time()))
        soft_redis.pipeline(
            lambda pipe: (
                *(pipe.hincrby(key, name, count) for name, count in counts.items()),
                pipe.expire(key, KEPT_S),
            )
        )

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_S)
            self.flush()


@cache
def tally() -> Tally:
    return Tally()


def _key(at_s: int) -> str:
    return f"answers:{at_s // BUCKET_S}"


def acknowledged(provider: str, took_ms: float) -> None:
    tally().add(f"ok:{provider}", f"ms:{bisect_left(EDGES_MS, took_ms)}")


def refused(provider: str, status: int) -> None:
    tally().add(f"refused:{provider}:{status}")


@dataclass(frozen=True)
class Answers:
    """What senders were answered in one bucket of `BUCKET_S`."""

    at_s: int
    counts: dict[str, int]

    @property
    def accepted(self) -> int:
        return sum(count for name, count in self.counts.items() if name.startswith("ok:"))

    @property
    def refused(self) -> int:
        return sum(count for name, count in self.counts.items() if name.startswith("refused:"))


def answers(hours: float = 24) -> list[Answers]:
    """The buckets of the last hours, oldest first, empty ones included; [] without Redis."""
    now_s = int(time.time())
    ticks = range(now_s // BUCKET_S - int(hours * 3600 // BUCKET_S) + 1, now_s // BUCKET_S + 1)
    found = soft_redis.pipeline(
        lambda pipe: [pipe.hgetall(_key(tick * BUCKET_S)) for tick in ticks]
    )
    if found is None:
        return []
    return [
        Answers(tick * BUCKET_S, {name.decode(): int(count) for name, count in row.items()})
        for tick, row in zip(ticks, found, strict=True)
    ]


def percentile_ms(buckets: list[Answers], share: float) -> float | None:
    """The answer time that `share` of the answers kept within: an edge of the histogram."""
    histogram = [
        sum(bucket.counts.get(f"ms:{i}", 0) for bucket in buckets) for i in range(len(EDGES_MS) + 1)
    ]
    wanted = share * sum(histogram)
    if not wanted:
        return None
    reached = 0
    for i, count in enumerate(histogram):
        reached += count
        if reached >= wanted:
            return float(EDGES_MS[min(i, len(EDGES_MS) - 1)])
    return None
