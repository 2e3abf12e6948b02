"""Any S3-compatible store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from django.core.files.storage import storages

from emg.hashing import Readable
from emg.storage.names import ListedObject, NotThere, ObjectName, StoreAway, StoredObject

if TYPE_CHECKING:
    from emg.c3d import SeekableFile

GONE = {"404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "NotFound"}


class S3Store:
    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, name: ObjectName) -> StoredObject:
        with _said_plainly():
            return _s3_found(self._client.head_object(**_called(name)))

    def open(self, name: ObjectName) -> AbstractContextManager["SeekableFile"]:
        return closing(S3Ranges(self._client, name))

    def stream(self, name: ObjectName) -> tuple[StoredObject, AbstractContextManager[Readable]]:
        with _said_plainly():
            answer = self._client.get_object(**_called(name))
        return _s3_found(answer), closing(S3Body(answer["Body"]))

    def names(self, bucket: str, prefix: str) -> Iterator[ListedObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with _said_plainly():
            for page in pages:
                for item in page.get("Contents", ()):
                    found = StoredObject(
                        item["Size"], item["ETag"].strip('"'), item["LastModified"]
                    )
                    yield ListedObject(item["Key"], found)

    def remove(self, name: ObjectName) -> None:
        with _said_plainly():
            for version in [name.version_id] if name.version_id else self._versions(name):
                self._client.delete_object(**_called(replace(name, version_id=version)))

    def _versions(self, name: ObjectName) -> list[str]:
        """Where versions are kept, to delete "the object" would only hide it."""
        pages = self._client.get_paginator("list_object_versions")
        found = [
            item["VersionId"]
            for page in pages.paginate(Bucket=name.bucket, Prefix=name.path)
            for kind in ("Versions", "DeleteMarkers")
            for item in page.get(kind, ())
            if item["Key"] == name.path
        ]
        return found or [""]


class S3Body:
    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int, /) -> bytes:
        with _said_plainly():
            return bytes(self._body.read(size))

    def close(self) -> None:
        self._body.close()


class S3Ranges:
    """Each read is one ranged GET: a handful says what a file of any size is."""

    def __init__(self, client: Any, name: ObjectName) -> None:
        self._client = client
        self._name = name
        self._at = 0

    def seek(self, offset: int, /) -> int:
        self._at = offset
        return offset

    def read(self, size: int, /) -> bytes:
        if size <= 0:
            return b""
        wanted = f"bytes={self._at}-{self._at + size - 1}"
        with _said_plainly():
            try:
                answer = self._client.get_object(**_called(self._name), Range=wanted)
            except self._client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] == "InvalidRange":  # behind the end
                    return b""
                raise
            with closing(answer["Body"]) as body:
                read = bytes(body.read(size))
        self._at += len(read)
        return read

    def close(self) -> None:
        """Nothing is kept open."""


@contextmanager
def _said_plainly() -> Iterator[None]:
    """boto's many errors as the two that matter here, without the address that they name."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in GONE:
            raise NotThere("The object is not in the store (yet).") from error
        raise StoreAway(f"The store refused: {code} (see STORAGE_S3_…).") from error
    except (BotoCoreError, HTTPClientError) as error:
        raise StoreAway(f"The store does not answer: {type(error).__name__}.") from error


def _called(name: ObjectName) -> dict[str, str]:
    called = {"Bucket": name.bucket, "Key": name.path}
    return called | ({"VersionId": name.version_id} if name.version_id else {})


def _s3_found(answer: dict[str, Any]) -> StoredObject:
    return StoredObject(
        size_bytes=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        modified_at=answer["LastModified"],
    )


@cache
def client(*, quick: bool) -> Any:
    """boto's clients may be shared by threads, and take a tenth of a second to make."""
    from botocore.config import Config

    handler: Any = storages
    backend = handler.create_storage(handler.backends["recordings"])  # one of our own to change
    timeouts = (
        Config(connect_timeout=0.25, read_timeout=0.35, retries={"total_max_attempts": 1})
        if quick
        else Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
    )
    backend.client_config = backend.client_config.merge(timeouts)
    return backend.connection.meta.client
