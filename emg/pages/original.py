"""The file itself, as it lies in the store."""

import re
from collections.abc import Iterator

from django.http import StreamingHttpResponse

from emg.models import Recording
from emg.recordings.registry import object_of
from emg.storage import PIECE_BYTES, ObjectName, store
from emg.waveform.reading import find_file


def original_file(recording: Recording) -> StreamingHttpResponse:
    """Raises Refused unless it is there and the one that was analysed. Never a type that a browser
    would run."""
    found = find_file(recording)
    name = re.sub(r"[^\w.-]+", "_", recording.object_path.rpartition("/")[2], flags=re.ASCII)
    return StreamingHttpResponse(
        _pieces(object_of(recording)),
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{name or "recording.c3d"}"',
            "Content-Length": str(found.size_bytes),
            "Cache-Control": "private, no-store",
        },
    )


def _pieces(name: ObjectName) -> Iterator[bytes]:
    """Opened when the first piece is asked for: an answer that nobody reads leaves nothing open."""
    _, opened = store(quick=True).stream(name)
    with opened as source:
        while piece := source.read(PIECE_BYTES):
            yield piece
