"""Redis as the web process may use it: for hints only, and never for long.

With its defaults redis-py spends 3.5 s on a refused connection and a minute on a server that
hangs. Here a command gets 50 ms and no retry, and after a failure Redis is left alone for a
while, so that an outage costs an answer one timeout and the following ones nothing.
"""

import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.exceptions import RedisError
from redis.retry import Retry

from omibackend.core.logging import logger

TIMEOUT_S = 0.05
REST_S = 2.0
T = TypeVar("T")
Client = Redis

log = logger("hints")


class Breaker:
    """Open for `rest_s` after a failure; counts what was skipped or failed."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s = rest_s
        self._closed_again_at = 0.0
        self._lock = threading.Lock()
        self.failures = 0

    def is_open(self) -> bool:
        return time.monotonic() < self._closed_again_at

    def trip(self) -> None:
        with self._lock:
            self.failures += 1
            self._closed_again_at = time.monotonic() + self._rest_s

    def reset(self) -> None:
        self._closed_again_at = 0.0


breaker = Breaker()


@cache
def client() -> Client:
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def try_command(command: Callable[[Client], T]) -> T | None:
    """The command's result, or None when Redis cannot be asked."""
    if breaker.is_open():
        return None
    try:
        return command(client())
    except (RedisError, OSError) as error:
        breaker.trip()
        log.warning("redis unavailable", extra={"error_class": type(error).__name__})
        return None


def pipeline(fill: Callable[[Pipeline], object]) -> list[Any] | None:
    """Several commands in one round trip: their results, or None."""

    def run(redis: Client) -> list[Any]:
        batch = redis.pipeline(transaction=False)
        fill(batch)
        return list(batch.execute())

    return try_command(run)
