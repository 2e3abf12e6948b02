"""Fewer and larger requests to a store that is far away."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emg.c3d import SeekableFile

AHEAD_BYTES = 8 << 20


class Ahead:
    """Reads on behind what was asked for: each read of a remote file is a request."""

    def __init__(self, file: "SeekableFile", ahead_bytes: int = AHEAD_BYTES) -> None:
        self._file = file
        self._ahead_bytes = ahead_bytes
        self._at = self._held_from = 0
        self._held = b""

    def seek(self, offset: int, /) -> int:
        self._at = offset
        return offset

    def read(self, size: int, /) -> bytes:
        """Fewer bytes than asked for where the held ones end; none only behind the file's end."""
        if not self._held_from <= self._at < self._held_from + len(self._held):
            self._file.seek(self._at)
            self._held_from = self._at
            self._held = self._file.read(max(size, self._ahead_bytes))
        first = self._at - self._held_from
        found = self._held[first : first + size]
        self._at += len(found)
        return found
