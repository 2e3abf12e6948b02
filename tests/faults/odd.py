"""Bodies that no well-behaved sender would send."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from tests.conftest import payload

# Written by `json.dumps` as these words and then replaced: Python itself prints no such number.
HUGE, DEEP = "@huge@", "@deep@"
ODD_TEXTS = [
    "\x00",
    "a\x00b",
    "\ud800",
    "x\udfff",
    "\ufeff",
    "\u202e",
    "%s %(x)s",
    "null",
    "0",
    "NaN",
]
ODD_TEXTS += ["", " ", "'; DROP TABLE x; --", "🧠" * 50, "9" * 5000, "w" * 200_000, HUGE, DEEP]
ODD_MOMENTS = [
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-02-30T25:61",
    "12:00",
]
ODD_NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 0.1, -0.0, 1e308]
ODD_NUMBERS += [float("nan"), float("inf"), float("-inf")]
ODD_VALUES: list[Any] = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": None},
    {"a": {"b": []}},
]

odd = st.one_of(
    st.sampled_from([*ODD_VALUES, *ODD_NUMBERS, *ODD_TEXTS, *ODD_MOMENTS]),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=5), max_size=4),
    st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=8), max_size=3),
)

Path = tuple[Any, ...]


def paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place in a payload, the whole included."""
    yield at
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths(child, (*at, key))


def replaced(body: Any, at: Path, value: Any) -> Any:
    """KeyError, IndexError or TypeError where there is no such place (any more)."""
    if not at:
        return value
    body = copy.deepcopy(body)
    parent = body
    for key in at[:-1]:
        parent = parent[key]
    if parent[at[-1]] is not value:
        parent[at[-1]] = value
    return body


def encoded(body: Any) -> bytes:
    text = json.dumps(body)  # lone surrogates as escapes, NaN and Infinity as words
    text = text.replace(json.dumps(HUGE), "7" * 5000)
    return text.replace(json.dumps(DEEP), "[" * 1100 + "]" * 1100).encode()


@st.composite
def mangled(draw: st.DrawFn, name: str) -> bytes:
    """A real payload with one to three of its values replaced by odd ones."""
    body = payload(name)
    places = list(paths(body))
    for at in draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        with suppress(KeyError, IndexError, TypeError):  # an earlier change removed the place
            body = replaced(body, at, draw(odd))
    return encoded(body)


@st.composite
def broken(draw: st.DrawFn, name: str) -> bytes:
    """A real payload cut, doubled or spoiled in its bytes."""
    body = bytearray(json.dumps(payload(name), ensure_ascii=False).encode())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(body) - 1))
        body[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
    return bytes(body[: draw(st.integers(1, len(body)))])


PLAIN = [
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'"text"',
    b"[]",
    b"{}",
    b"NaN",
    b"Infinity",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe{\x00}\x00",
    b"\xc3\x28",
    b'{"segments":[{"text":"\xed\xa0\x80"}]}',
    b'{"segments":[{"text":"\\ud800"}]}',
    b'{"segments":[{"text":"a\x00b"}]}',
    b'{"segments":[{"text":"a\\u0000b"}]}',
    b'{"segments":[],"segments":{"a":1}}',
    b'{"segments":[{"text":"a","text":null,"start":1,"start":"x"}]}',
    b'{"segments":[{"start":1e999,"text":"a"}]}',
    b'{"segments":[{"start":' + b"9" * 5000 + b',"text":"a"}]}',
    b'{"segments":[' + b"null," * 10_000 + b"null]}",
    b'{"structured":{}}',
    b'{"structured":{},"segments":null}',
    b'{"structured":[],"segments":{}}',
    b'{"summary_json":{}}',
    b'{"summary_json":null}',
    b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
]
