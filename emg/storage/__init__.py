"""Where recordings lie: a folder, or any S3-compatible store. Read only.

Nothing is written there, and removed only with a person who is erased. Both are Django storages
(`STORAGES["recordings"]`). What Django's interface lacks is here: a read
of a few blocks without the rest, an object's ETag, and timeouts short enough for an answer.
"""

from typing import IO

from django.core.files.storage import FileSystemStorage, storages

from emg.hashing import HashingReader
from emg.storage.folder import Folder
from emg.storage.names import (
    BadName,
    Fetched,
    ListedObject,
    NotThere,
    ObjectName,
    Store,
    StoreAway,
    StoredObject,
    TooLarge,
)
from emg.storage.s3 import S3Store, client

PIECE_BYTES = 1 << 20

__all__ = [
    "BadName",
    "Fetched",
    "ListedObject",
    "NotThere",
    "ObjectName",
    "Store",
    "StoreAway",
    "StoredObject",
    "TooLarge",
    "fetch",
    "store",
]


def store(*, quick: bool = False) -> Store:
    """`quick`: for an answer that somebody waits for; gives up within about a second."""
    backend = storages["recordings"]
    if isinstance(backend, FileSystemStorage):
        return Folder(backend)
    return S3Store(client(quick=quick))


def fetch(name: ObjectName, into: IO[bytes], *, most_bytes: int) -> Fetched:
    """Copies an object into a file, hashed as it goes by; at its start again afterwards."""
    found, opened = store().stream(name)
    with opened as source:
        _check_size(found.size_bytes, most_bytes)
        reader = HashingReader(source)
        while piece := reader.read(PIECE_BYTES):
            _check_size(reader.size_bytes, most_bytes)
            into.write(piece)
    if reader.size_bytes != found.size_bytes:
        raise StoreAway("The store broke off in the middle of the object.")
    into.flush()
    into.seek(0)
    return Fetched(found, reader.sha256)


def _check_size(size_bytes: int, most_bytes: int) -> None:
    if size_bytes > most_bytes:
        raise TooLarge(f"The file is larger than {most_bytes:,} bytes (MAX_C3D_SIZE).")
