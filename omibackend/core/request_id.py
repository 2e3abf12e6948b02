"""The request id: from the HTTP request through the job to every log line."""

import re
from contextvars import ContextVar

import uuid_utils

SANE = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    return _current.get()


def take_request_id(offered: str | None) -> str:
    """The sender's id if it is sane, else a fresh one; bound for the rest of this request."""
    value = offered if offered and SANE.fullmatch(offered) else uuid_utils.uuid7().hex
    _current.set(value)
    return value


def bind_request_id(value: str) -> None:
    _current.set(value)
