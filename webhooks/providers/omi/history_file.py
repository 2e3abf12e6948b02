"""The conversations in an export file, each as its bytes stand there, and where a trouble is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

import ijson

from omibackend.core.errors import OmiError

CHUNK_BYTES = 1 << 16
BOM = b"\xef\xbb\xbf"
WRAPPERS = ("conversations", "data")
MARKS = (b"{", b"}")
_CUT = re.compile(rb"(?<=[{}])")


class NoHistory(OmiError):
    """Reading it cannot go on; what was taken so far stays taken."""

    retryable = False


@dataclass(frozen=True)
class HistoryItem:
    """One conversation. `done` is how far it lies into a file, in bytes."""

    where: str
    body: bytes
    done: int = 0


@dataclass(frozen=True)
class Trouble:
    where: str
    why: str


def objects(file: IO[bytes]) -> Iterator[HistoryItem | Trouble]:
    """In constant memory, whatever the size of the file."""
    reader = _FileReader()
    for piece in _pieces(file):
        yield from reader.take(piece)
        if reader.is_over:
            return
    reader.close()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Ends in a blank, by which the parser knows that a last number is whole."""
    if file.read(len(BOM)) != BOM:
        file.seek(0)
    for chunk in iter(partial(file.read, CHUNK_BYTES), b""):
        yield from filter(None, _CUT.split(chunk))
    yield b" "


class _FileReader:
    """Keeps the bytes of an object as they stand in the file: the parser says when one begins and
    ends, and is given no more than up to there."""

    def __init__(self) -> None:
        self.read = 0
        self.line = self.began = 1
        self.object = bytearray()
        self.depth = self.items_at = 0
        self.key = ""
        self.may_wrap = True  # the list may still come, inside this object
        self.is_over = self.by_line = False
        self._begin()

    def _begin(self) -> None:
        self.events = ijson.sendable_list()
        self.parser = ijson.basic_parse_coro(self.events, multiple_values=True)
        self.is_skipping = False

    def take(self, piece: bytes) -> Iterator[HistoryItem | Trouble]:
        self.read += len(piece)
        if self.object:
            self.object += piece
            self.line += piece.count(b"\n")
            yield from self._parsed(piece)
            return
        for part in piece.splitlines(keepends=True):
            if not self.is_skipping:
                yield from self._parsed(part)
            if part.endswith(b"\n"):
                self.line += 1
                if self.is_skipping:
                    self._begin()

    def _parsed(self, piece: bytes) -> Iterator[HistoryItem | Trouble]:
        try:
            # Some of ijson's parsers tell of a mark when they see what follows.
            self.parser.send(piece + b" " if piece.endswith(MARKS) else piece)
        except ijson.JSONError as error:
            if not self.by_line:
                raise NoHistory(self._fault()) from error
            yield Trouble(f"line {self.line}", "not valid JSON")
            self.depth, self.is_skipping = 0, True
            self.object.clear()
            return
        for event, value in self.events:
            if event == "map_key":
                self.key = value
            elif event.startswith("start_"):
                self._opened(event)
            else:
                self.depth -= event.startswith("end_")
                if self.depth < self.items_at:
                    self.is_over = True
                    return
                if self.depth == self.items_at:
                    yield self._item(event)
        self.events.clear()

    def _opened(self, event: str) -> None:
        is_list = self.depth == 0 or (self.depth == 1 and self.may_wrap and self.key in WRAPPERS)
        if event == "start_array" and is_list and not self.items_at:
            self.items_at = self.depth + 1
            self.object.clear()
        elif event == "start_map" and self.depth == self.items_at:
            self.began, self.object = self.line, bytearray(b"{")
        elif self.depth == 1:
            self.may_wrap = False
        self.depth += 1

    def _item(self, event: str) -> HistoryItem | Trouble:
        if event != "end_map":
            return Trouble(f"line {self.line}", "not a JSON object")
        self.by_line, self.may_wrap = not self.items_at, False
        found = HistoryItem(f"line {self.began}", bytes(self.object), self.read)
        self.object.clear()
        return found

    def close(self) -> None:
        if self.depth:
            raise NoHistory(self._fault())

    def _fault(self) -> str:
        try:
            self.object.decode()
        except UnicodeDecodeError as error:
            return f"byte {self.read - len(self.object) + error.start}: this is not UTF-8."
        return f"line {self.line}: the file is not valid JSON."
