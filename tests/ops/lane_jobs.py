"""Jobs that do harm to their worker, for test_lanes."""

import os
import signal
import time

kept: list[bytes] = []


def nothing() -> int:
    return os.getpid()


def last_long() -> str:
    time.sleep(2)
    return "finished"


def hang_in_python() -> None:
    time.sleep(60)


def hang_in_c() -> None:
    """Where no exception reaches it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(60)


def grow() -> None:
    kept.append(b"x" * (100 << 20))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
