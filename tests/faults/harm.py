"""Faults that repeat while something else runs."""

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.processes import send
from bench.stack import Stack


@contextmanager
def every(seconds: float, harm: Callable[[], bool]) -> Iterator[list[bool]]:
    """Does harm again and again; yields what was done so far."""
    done: list[bool] = []
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(seconds):
            if harm():
                done.append(True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        stopped.set()
        thread.join()


def kill_a_worker(stack: Stack) -> bool:
    """kill -9 of an inbox worker and of the job that it runs."""
    alive = [child for child in stack.children("inbox") if child.process.poll() is None]
    if alive:
        random.choice(alive).kill_tree()
    return bool(alive)


def kill_a_web_worker(stack: Stack) -> bool:
    """kill -9 of one of the processes that answer; the one above them starts another."""
    [web] = stack.children("web")
    workers = web.tree()[:-1]
    if workers:
        send(random.choice(workers), signal.SIGKILL)
    return bool(workers)


def wipe_redis(stack: Stack) -> bool:
    with stack.engines.redis() as redis:
        redis.flushall()
    return True
