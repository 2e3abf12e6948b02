"""How many may wait for the model at a time in one process: whoever waits holds a web thread, and
two of those are always left for webhooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore

from django.conf import settings

from omibackend.core.errors import Refused

THREADS_LEFT = 2
RETRY_AFTER_S = 5


def most() -> int:
    return max(1, min(settings.OMI_REPLY_SLOTS, settings.WEB_THREADS - THREADS_LEFT))


@cache
def everyone() -> BoundedSemaphore:
    """Spoken replies and chats together."""
    return BoundedSemaphore(most())


@cache
def chats() -> BoundedSemaphore:
    """They leave one slot for what is asked aloud."""
    return BoundedSemaphore(max(1, most() - 1))


@contextmanager
def for_chat() -> Iterator[None]:
    """Raises Refused at once when as many wait as may."""
    with _slot(chats()), _slot(everyone()):
        yield


@contextmanager
def _slot(slots: BoundedSemaphore) -> Iterator[None]:
    if not slots.acquire(blocking=False):
        raise Refused(
            503,
            "busy",
            "As many questions as may are waiting for the model. Ask again in a few seconds.",
            retry_after_s=RETRY_AFTER_S,
        )
    try:
        yield
    finally:
        slots.release()
