"""No words, numbers, ids of people or tokens in a log line or in Redis."""

import io
import logging
from collections.abc import Iterator

import pytest

from omibackend.core.logging import config, logger
from omibackend.core.redis import soft_redis
from tests.conftest import payload, work
from tests.sender import Sender

CANARY = "canary-in-the-words"
UID = "canary-of-the-person"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the real formatter makes of everything from INFO on."""
    formatter = config(level="INFO", folder=None, readable=False, sql=False)["formatters"]["lines"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter["()"](**{k: v for k, v in formatter.items() if k != "()"}))
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


def test_it_logs_nothing_of_what_was_said(omi: Sender, written: io.StringIO) -> None:
    omi.uid = UID
    asked = {"text": f"Hey Omi, what about {CANARY}?", "is_user": True, "start": 1, "end": 2}
    memory = payload("omi/memory_created__full")
    omi.post({"segments": [asked]})
    omi.post({**memory, "structured": {"title": CANARY, "overview": CANARY}})
    omi.post({"segments": [{"text": {"no": CANARY}}]})
    omi.post(b'{"' + CANARY.encode())
    omi.post({"segments": []}, token="wrong-token-" + CANARY)
    work()
    logged = written.getvalue()
    assert '"status":400' in logged
    assert CANARY not in logged
    assert UID not in logged
    assert omi.token not in logged
    assert omi.token not in everything_in_redis()
    assert CANARY not in everything_in_redis()


def everything_in_redis() -> str:
    redis = soft_redis.client()
    return " ".join(f"{key!r} {redis.dump(key)!r}" for key in redis.scan_iter())


def test_it_masks_what_a_caller_logs_by_mistake(written: io.StringIO) -> None:
    logger("test").warning("oops", extra={"text": CANARY, "token": CANARY, "size": 3})
    logged = written.getvalue()
    assert CANARY not in logged
    assert '"size":3' in logged


def test_it_logs_where_it_failed_and_not_the_message(written: io.StringIO) -> None:
    try:
        int(CANARY)
    except ValueError as error:
        logger("test").error("failed", exc_info=error)
    logged = written.getvalue()
    assert CANARY not in logged
    assert "test_privacy.py" in logged
    assert "ValueError" in logged
