"""Lanes and the wake-up: RQ carries a hint that a lane has work; PostgreSQL holds the work."""

import threading
import time
from functools import cache

from django.conf import settings
from rq import Queue

from omibackend.core.redis import soft_redis

WAKE_TTL_S = 5
JOB_TIMEOUT_S = 180
CALM_S = 0.02
MOST_WAITING = 16
DRAIN = "omibackend.core.work.draining.drain"


def _flag(lane: str) -> str:
    return f"wake:{lane}"


def wake(lane: str) -> bool:
    """Asks for one drain of a lane; False when Redis cannot be asked (the sweeper will)."""
    if not settings.ENABLE_BACKGROUND_JOBS:
        return False
    return soft_redis.try_command(lambda redis: _wake(redis, lane)) is not None


def _wake(redis: soft_redis.Client, lane: str) -> bool:
    if not redis.set(_flag(lane), 1, nx=True, ex=WAKE_TTL_S):
        return False
    queue = Queue(lane, connection=redis)
    if queue.count >= MOST_WAITING:  # the workers are away: their first drain takes it all
        return False
    queue.enqueue(DRAIN, lane, job_timeout=JOB_TIMEOUT_S, result_ttl=0, failure_ttl=86_400)
    return True


def forget_wake(lane: str) -> None:
    """Called by the drain before it selects: a row stored after this raises the flag again."""
    soft_redis.try_command(lambda redis: redis.delete(_flag(lane)))


class Waker:
    """Takes the wake-up off the acknowledgement's path: at most one per `CALM_S` and lane.

    An answer only marks the lane. A thread of its own speaks to Redis, so that Redis refused,
    hung or slow cannot change how long a sender waits. What is marked while a wake is under
    way is woken again after it; what dies with the process is found by the sweeper.
    """

    def __init__(self) -> None:
        self._due: set[str] = set()
        self._marked = threading.Event()
        threading.Thread(target=self._run, name="waker", daemon=True).start()

    def mark(self, lane: str) -> None:
        self._due.add(lane)
        if not self._marked.is_set():
            self._marked.set()

    def _run(self) -> None:
        while True:
            self._marked.wait()
            self._marked.clear()
            for lane in tuple(self._due):
                self._due.discard(lane)
                wake(lane)
            time.sleep(CALM_S)


@cache
def waker() -> Waker:
    """One per process, made at its first use and so after any fork."""
    return Waker()
