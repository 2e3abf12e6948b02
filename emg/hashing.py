"""The identity of a file's content, found while its bytes go by."""

import hashlib
from typing import Protocol


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class HashingReader:
    """Reads a stream forwards and hashes what it hands on: a download needs no second pass."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        read = self._source.read(size)
        self._digest.update(read)
        self.size_bytes += len(read)
        return read

    @property
    def sha256(self) -> str:
        """Of all that was read so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()
