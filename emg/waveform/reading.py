"""A channel of a recording just in time: read from its file whenever somebody looks, never kept."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
from django.conf import settings

from emg.analytics import parameters
from emg.models import Recording
from emg.recordings.registry import object_of
from emg.storage import NotThere, StoreAway, StoredObject, store
from emg.storage.ahead import Ahead
from emg.storage.folder import Folder
from emg.waveform.queries import Judged, StretchQuery
from omibackend.core.errors import Refused

# Part of the ETag: grows when the same request is answered with other numbers.
FORMAT = 1
RETRY_AFTER_S = 5


def find_file(recording: Recording) -> StoredObject:
    """Raises Refused unless the file is there, and is the one that was analysed."""
    with _refusals():
        found = store(quick=True).find(object_of(recording))
    if found.size_bytes > settings.MAX_C3D_SIZE_BYTES:
        raise Refused(422, "file_too_large", "The file is larger than MAX_C3D_SIZE.")
    if recording.analytics is not None and found.etag != recording.etag:
        detail = "The file was replaced since it was analysed: have it analysed again."
        raise Refused(409, "file_replaced", detail)
    return found


def etag(
    found: StoredObject, recording: Recording, asked: StretchQuery, stored: Judged, encoding: str
) -> str:
    """Strong: equal only for equal bytes, whatever was scored or analysed again meanwhile."""
    parts = (
        *(FORMAT, parameters.VERSION, str(recording.pk), recording.session_id, recording.sha256),
        *(found.etag, found.size_bytes, asked, stored, encoding),
    )
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def read(recording: Recording, found: StoredObject, asked: StretchQuery, stored: Judged) -> bytes:
    """The JSON that the API answers with. Raises Refused where there is no such channel or stretch,
    or the file cannot be read."""
    # scipy takes 70 MB and a second to load, which only the first look at a signal pays.
    from emg.waveform import stretches

    here = store(quick=True)
    with _refusals(), here.open(object_of(recording)) as opened:
        file = opened if isinstance(here, Folder) else Ahead(opened)
        answer = stretches.read(file, found.size_bytes, asked, stored)
    return orjson.dumps(
        {"session_id": recording.session_id, **answer}, option=orjson.OPT_SERIALIZE_NUMPY
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """What can be wrong with a file, to somebody who wants to look at it."""
    try:
        yield
    except NotThere as error:
        raise Refused(404, "file_gone", "The file is not in the store.") from error
    except (StoreAway, OSError) as error:
        detail = "The store of the files does not answer. Try again."
        raise Refused(503, "store_away", detail, retry_after_s=RETRY_AFTER_S) from error
