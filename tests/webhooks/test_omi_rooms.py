"""The way of an Omi delivery through the code: a straight one is easy to follow.

A room is a folder, or a module that lies beside folders. Counted are the calls from one room into
another, each the first time that it is made; `omibackend.core` is the shelf that every room takes
its tools from, and no stop on the way.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tests.conftest import payload, work
from tests.sender import Sender
from webhooks.models import Delivery

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("conversations", "emg", "memories", "omibackend", "webhooks")
MOST_ROOMS, MOST_RETURNS = 12, 10
Stop = tuple[str, str]


def room_of(file: str) -> str:
    if not file.startswith(str(PROJECT)):
        return ""
    parts = Path(file).relative_to(PROJECT).with_suffix("").parts
    if parts[0] not in PACKAGES or parts[:2] == ("omibackend", "core"):
        return ""
    depth = 2 if parts[0] == "omibackend" or parts[:2] == ("webhooks", "providers") else 1
    return ".".join(parts[: depth + 1])


@contextmanager
def followed(stays: list[str]) -> Iterator[None]:
    """Fills in the rooms in the order in which they are entered."""
    stack: list[Stop] = []
    seen: set[tuple[Stop, Stop]] = set()

    def follow(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            before = next((stop for stop in reversed(stack) if stop[0]), ("", ""))
            stop = (room_of(frame.f_code.co_filename), frame.f_code.co_name)
            stack.append(stop)
            if stop[0] and stop[0] != before[0] and (before, stop) not in seen:
                seen.add((before, stop))
                if not stays or stays[-1] != stop[0]:
                    stays.append(stop[0])
        elif event == "return" and stack:
            stack.pop()

    sys.setprofile(follow)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_it_goes_through_few_rooms_and_comes_back_to_fewer(omi: Sender) -> None:
    omi.post(payload("omi/combined__seed"))
    stays: list[str] = []
    with followed(stays):
        work("inbox")
    assert Delivery.objects.get().state == "done"
    assert "conversations.transcripts" in stays
    assert len(set(stays)) <= MOST_ROOMS
    assert len(stays) - len(set(stays)) <= MOST_RETURNS
