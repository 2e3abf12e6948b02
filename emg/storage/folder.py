"""A bucket is a folder below MEDIA_ROOT."""

import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage

from emg.hashing import Readable
from emg.storage.names import ListedObject, NotThere, ObjectName, StoreAway, StoredObject

if TYPE_CHECKING:
    from emg.c3d import SeekableFile


class Folder:
    def __init__(self, backend: FileSystemStorage) -> None:
        self._backend = backend

    def _path(self, name: ObjectName) -> Path:
        try:
            return Path(self._backend.path(str(name)))
        except SuspiciousFileOperation as error:
            raise NotThere("There is no such object in the store.") from error

    def find(self, name: ObjectName) -> StoredObject:
        try:
            return _found(self._path(name))
        except (OSError, ValueError) as error:
            raise NotThere("The object is not in the store (yet).") from error

    def open(self, name: ObjectName) -> AbstractContextManager["SeekableFile"]:
        self.find(name)
        try:
            return self._path(name).open("rb", buffering=0)
        except OSError as error:
            raise NotThere("The object cannot be read.") from error

    def stream(self, name: ObjectName) -> tuple[StoredObject, AbstractContextManager[Readable]]:
        return self.find(name), self.open(name)

    def names(self, bucket: str, prefix: str) -> Iterator[ListedObject]:
        root = self._path(ObjectName(bucket, "."))
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if name.startswith(prefix) and path.is_file():
                yield ListedObject(name, _found(path))

    def remove(self, name: ObjectName) -> None:
        """With the folders that it leaves empty: their names name patients."""
        path, bucket = self._path(name), self._path(ObjectName(name.bucket, "."))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreAway(f"A file cannot be removed: {error.strerror}.") from error
        for folder in path.parents:
            if folder == bucket or not folder.is_relative_to(bucket):
                return
            with suppress(OSError):
                folder.rmdir()


def _found(path: Path) -> StoredObject:
    """Only of a regular file: reading a pipe would never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError
    return StoredObject(
        size_bytes=status.st_size,
        etag=f"{status.st_size:x}-{status.st_mtime_ns:x}",
        modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
    )
