"""Names of objects, what a store says of them, and what can go wrong."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from emg.hashing import Readable
from omibackend.core.errors import OmiError, SetAside

if TYPE_CHECKING:
    from emg.c3d import SeekableFile

MOST_PATH_BYTES = 1024
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CONTROL = re.compile(r"[\x00-\x1f\x7f\\\\]")


class BadName(ValueError):
    """Not a name of an object; the message says why."""


class NotThere(OmiError):
    """Storage webhooks may come before their object can be read, so this is tried again."""


class StoreAway(OmiError):
    """The store does not answer, or refuses to."""


class TooLarge(SetAside):
    """More than MAX_C3D_SIZE."""


@dataclass(frozen=True, order=True)
class ObjectName:
    """`version_id` is S3's; "" means the newest."""

    bucket: str
    path: str
    version_id: str = ""

    @classmethod
    def of(cls, bucket: str, path: str, version_id: str = "") -> "ObjectName":
        """Raises BadName for what no store should be asked for."""
        if not BUCKET.fullmatch(bucket) or ".." in bucket:
            raise BadName("The bucket's name is not one.")
        if len(path.encode()) > MOST_PATH_BYTES or CONTROL.search(path):
            raise BadName(f"An object's path has at most {MOST_PATH_BYTES} bytes, no backslash.")
        if any(part in ("", ".", "..") for part in path.split("/")):
            raise BadName("An object's path is made of names between single slashes.")
        return cls(bucket, path, version_id)

    def __str__(self) -> str:
        return f"{self.bucket}/{self.path}"


@dataclass(frozen=True)
class StoredObject:
    """What a store says of an object. `etag` differs when its bytes do."""

    size_bytes: int
    etag: str
    modified_at: datetime


@dataclass(frozen=True)
class ListedObject:
    path: str
    found: StoredObject


@dataclass(frozen=True)
class Fetched:
    found: StoredObject
    sha256: str


class Store(Protocol):
    def find(self, name: ObjectName) -> StoredObject: ...

    def open(self, name: ObjectName) -> AbstractContextManager["SeekableFile"]:
        """For a few reads at any place."""

    def stream(self, name: ObjectName) -> tuple[StoredObject, AbstractContextManager[Readable]]:
        """All of it, forwards, and what it is."""

    def names(self, bucket: str, prefix: str) -> Iterator[ListedObject]: ...

    def remove(self, name: ObjectName) -> None:
        """For good, all of its versions that the name stands for; no matter if it is gone."""
