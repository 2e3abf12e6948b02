"""From an object in the store to the metrics of its channels. Slow: outside any transaction."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings

from emg import c3d, storage
from emg.analytics import parameters
from emg.crosscheck import reading
from emg.models import Recording
from emg.recordings import muscles
from emg.recordings.registry import describe, object_of
from emg.storage import StoredObject
from omibackend.core.errors import OmiError, SetAside
from omibackend.core.postgres.locks import Lock, try_lock

MOST_ANALYTICS_BYTES = 450_000
# No unit of anything that is measured here has such numbers, which JSONB writes out digit by digit.
NO_MEASURE = 1e15
THUMBNAILS = ("envelope", "spectrum")
Json = dict[str, Any]
# What the recorder wrote down of a person is not needed to score a session.
PERSONAL_NOTES = ("SUBJECTS:PLAYER_NAME", "SUBJECTS:NAMES")


class Changing(OmiError):
    """The object was replaced while it was read, or somebody else analyses the same bytes."""


@dataclass(frozen=True)
class Opened:
    """What a file is, known before any of its samples is read."""

    found: StoredObject
    sha256: str
    metadata: Json
    notes: Json


@dataclass(frozen=True)
class Analysed:
    opened: Opened
    analytics: Json


OnOpened = Callable[[Opened], None]
OnProgress = Callable[[int], None]


def analyse(recording: Recording, on_opened: OnOpened, on_progress: OnProgress) -> Analysed | None:
    """None: what is stored is what there is. After NotThere, StoreAway and Changing it may succeed
    later; SetAside says why it never will."""
    name = object_of(recording)
    if _is_known(recording, storage.store().find(name)):
        return None
    with tempfile.NamedTemporaryFile(suffix=".c3d") as file:
        fetched = storage.fetch(name, file, most_bytes=settings.MAX_C3D_SIZE_BYTES)
        try:
            metadata = c3d.read_metadata(file, size_bytes=fetched.found.size_bytes)
            opened = _opened(fetched, metadata)
            on_opened(opened)
            analytics = _measured(file, metadata, fetched.sha256, on_progress)
        except c3d.NotC3D as error:
            raise SetAside(str(error)) from error
        except c3d.C3DError as error:
            raise SetAside(f"{error} {reading.second_opinion(Path(file.name))}") from error
    if storage.store().find(name).etag != fetched.found.etag:
        raise Changing("The object was replaced while it was read.")
    return Analysed(opened, analytics)


def _is_known(recording: Recording, found: StoredObject) -> bool:
    return (
        recording.analytics is not None
        and recording.processing_version == parameters.VERSION
        and recording.etag == found.etag
    )


def _opened(fetched: storage.Fetched, metadata: c3d.Metadata) -> Opened:
    size_bytes = fetched.found.size_bytes
    notes = {
        name: [value for value in values if isinstance(value, str) or abs(value) < NO_MEASURE]
        for name, values in metadata.notes.items()
        if name not in PERSONAL_NOTES
    }
    return Opened(
        found=fetched.found,
        sha256=fetched.sha256,
        metadata=describe(metadata, size_bytes=size_bytes, sha256=fetched.sha256),
        notes=notes,
    )


def _measured(
    file: IO[bytes], metadata: c3d.Metadata, sha256: str, on_progress: OnProgress
) -> Json:
    """Of the same bytes measured in the same way before, what came out then."""
    with alone_with(sha256):
        twin = Recording.objects.filter(
            sha256=sha256, processing_version=parameters.VERSION, analytics__isnull=False
        )
        known: Json | None = twin.values_list("analytics", flat=True).first()
        return known or bounded(muscles.measure(file, metadata, on_progress))


@contextmanager
def alone_with(sha256: str) -> Iterator[None]:
    """Who comes second to the same bytes waits its turn, and then finds them analysed.

    The lock ends with the connection, should the worker die.
    """
    with try_lock(Lock.FILE_CONTENT, sha256) as alone:
        if not alone:
            raise Changing("The same content is being analysed by another worker.")
        yield


def bounded(analytics: Json) -> Json:
    """Never longer than a row may be: thumbnails go first, then the whole."""
    if any(map(_is_no_measure, analytics.values())):
        raise SetAside("The numbers in this file are no voltages.")
    for without in ((), THUMBNAILS):
        kept = {
            channel: {name: None if name in without else value for name, value in found.items()}
            for channel, found in analytics.items()
        }
        size_bytes = len(orjson.dumps(kept))
        if size_bytes <= MOST_ANALYTICS_BYTES:
            return kept
    raise SetAside(
        f"The metrics of this file would take {size_bytes:,} bytes, "
        f"at most {MOST_ANALYTICS_BYTES:,} are kept."
    )


def _is_no_measure(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_is_no_measure, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and abs(value) > NO_MEASURE
