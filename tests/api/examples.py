"""Whether a documented example looks like what the API really answers."""

from collections.abc import Iterator
from typing import Any


def differences(told: Any, found: Any, at: str = "") -> Iterator[str]:
    """Where the shapes part: other fields, or another type. null may stand for anything, and
    of a list the first item for all."""
    if told is None or found is None:
        return
    if isinstance(told, dict) and isinstance(found, dict):
        for name in told.keys() ^ found.keys():
            yield f"{at}/{name}: " + ("not answered" if name in told else "not documented")
        for name in told.keys() & found.keys():
            yield from differences(told[name], found[name], f"{at}/{name}")
    elif isinstance(told, list) and isinstance(found, list):
        for one, other in zip(told[:1], found[:1], strict=False):
            yield from differences(one, other, f"{at}/0")
    elif _kind(told) is not _kind(found):
        yield f"{at}: {_kind(told).__name__} documented, {_kind(found).__name__} answered"


def _kind(value: Any) -> type:
    return float if type(value) is int else type(value)
