"""Bytes at a place in a file, local or far away."""

from typing import Protocol

HEAD_BYTES = 16 << 10


class SeekableFile(Protocol):
    """What is asked of a file: a local one, or a reader of byte ranges in a remote store."""

    def seek(self, offset: int, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


class ByteSource:
    """Asks once for the first blocks, which hold all that most files say about themselves."""

    def __init__(self, file: SeekableFile) -> None:
        self._file = file
        self._head = read_at(file, 0, HEAD_BYTES)

    def read(self, at_bytes: int, count: int) -> bytes:
        """Fewer bytes only where the file ends."""
        if at_bytes + count <= len(self._head):
            return self._head[at_bytes : at_bytes + count]
        return read_at(self._file, at_bytes, count)


def read_at(file: SeekableFile, at_bytes: int, count: int) -> bytes:
    """`count` bytes, fewer only at the end: a raw or remote file may hand them over in pieces."""
    file.seek(at_bytes)
    read = file.read(count)
    while len(read) < count and (more := file.read(count - len(read))):
        read += more
    return read
