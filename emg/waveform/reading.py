"""A channel of a recording just in time: read from its file whenever somebody looks, never kept."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import orjson
from django.conf import settings

from emg import c3d
from emg.analytics.parameters import Samples
from emg.models import Recording
from emg.recordings import muscles, scoring
from emg.recordings.analysis import object_of
from emg.storage import NotThere, StoreAway, StoredObject, store
from emg.storage.ahead import Ahead
from emg.storage.folder import Folder
from emg.waveform import decimation
from omibackend.core.errors import Refused

# Part of the ETag: grows when the same request is answered with other numbers.
FORMAT = 1
LEAST_POINTS, POINTS, MOST_POINTS = 50, 1000, 2000
LONGEST_S = 1_000_000
SIGNIFICANT_DIGITS = 4
# Powers of ten that a float holds exactly, so that a quotient is the shortest of its kind.
POWERS = np.array([10.0**power for power in range(23)])
RETRY_AFTER_S = 5
Json = dict[str, Any]


@dataclass(frozen=True)
class StretchQuery:
    channel: str
    start_s: float = 0
    end_s: float | None = None
    points: int = POINTS


@dataclass(frozen=True)
class Judged:
    """What is stored of a channel: in its unit, by the targets of now."""

    contractions: list[Json]
    mvc: float | None
    mvc_source: str
    target: float | None
    threshold: float | None


UNJUDGED = Judged([], None, "none", None, None)


def judged(recording: Recording, channel: str) -> Judged:
    analysis = (recording.analytics or {}).get(channel)
    if analysis is None:
        return UNJUDGED
    recording.profile = scoring.profile_of(recording)
    constants = recording.profile.constants()
    muscle = scoring.muscles(recording, constants)[channel]
    is_given = bool(recording.own_targets(channel).get("mvc"))
    return Judged(
        contractions=[asdict(each) for each in muscle.contractions],
        mvc=muscle.mvc,
        mvc_source="given" if is_given else analysis["mvc"]["source"],
        target=(muscle.targets or constants.targets).level(muscle.mvc),
        threshold=analysis["threshold"],
    )


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
        *(FORMAT, muscles.VERSION, str(recording.pk), recording.session_id, recording.sha256),
        *(found.etag, found.size_bytes, asked, stored, encoding),
    )
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'


def read(recording: Recording, found: StoredObject, asked: StretchQuery, stored: Judged) -> bytes:
    """The JSON that the API answers with.

    Raises
    ------
    Refused
        There is no such channel or stretch, or the file cannot be read.
    """
    here = store(quick=True)
    with _refusals(), here.open(object_of(recording)) as opened:
        file = opened if isinstance(here, Folder) else Ahead(opened)
        metadata = c3d.read_metadata(file, size_bytes=found.size_bytes)
        number = _number(metadata, asked.channel)
        start, stop = _stretch(metadata, asked)
        bucket = -(-(stop - start) // asked.points)
        is_emg = muscles.is_emg(metadata.channels[number])
        drawn = decimation.draw(
            file,
            metadata,
            number,
            start=start,
            stop=stop,
            bucket=bucket,
            parameters=muscles.PARAMETERS if is_emg else None,
        )
    rate_hz = metadata.sampling_rate_hz
    start_s, end_s = start / rate_hz, stop / rate_hz
    channel = metadata.channels[number]
    answer = {
        "session_id": recording.session_id,
        "channel": asked.channel,
        "unit": muscles.unit_of(channel) if is_emg else channel.unit,
        "sampling_rate": rate_hz,
        "duration_s": metadata.duration_s,
        "start_s": start_s,
        "end_s": end_s,
        "bucket_s": bucket / rate_hz,
        "t": {"start": start_s, "step": bucket / rate_hz},
        "min": _rounded(drawn.low),
        "max": _rounded(drawn.high),
        "envelope": _rounded(drawn.envelope),
        "contractions": list(_within(stored.contractions, start_s, end_s)),
        "mvc": stored.mvc,
        "mvc_source": stored.mvc_source,
        "target": stored.target,
        "threshold": stored.threshold,
    }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _number(metadata: c3d.Metadata, name: str) -> int:
    names = muscles.channel_names(metadata)
    if name not in names:
        raise Refused(404, "no_such_channel", "The recording has no channel of that name.")
    return names.index(name)


def _stretch(metadata: c3d.Metadata, asked: StretchQuery) -> tuple[int, int]:
    """In samples; an end behind the recording's is the recording's."""
    count, rate_hz = metadata.sample_count, metadata.sampling_rate_hz
    start = round(asked.start_s * rate_hz)
    stop = count if asked.end_s is None else min(count, round(asked.end_s * rate_hz))
    if start >= count:
        detail = f"The recording ends after {metadata.duration_s:.3f} s."
        raise Refused(404, "out_of_range", detail, attr="start")
    if start >= stop:
        raise Refused(404, "out_of_range", "There is no sample between start and end.", attr="end")
    return start, stop


def _within(contractions: list[Json], start_s: float, end_s: float) -> Iterator[Json]:
    for index, each in enumerate(contractions):
        if each["end_s"] > start_s and each["start_s"] < end_s:
            yield {"index": index, **each}


def _rounded(values: Samples) -> Samples:
    """NaN becomes null in JSON: a gap. Whole numbers keep all their digits."""
    size = np.abs(values, where=values != 0, out=np.ones_like(values))
    finite = np.nan_to_num(np.log10(size), posinf=0)
    digits = SIGNIFICANT_DIGITS - 1 - np.floor(finite).astype(int)
    power = POWERS[digits.clip(0, len(POWERS) - 1)]
    return np.asarray(np.round(values * power) / power)


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
    except c3d.C3DError as error:
        raise Refused(422, "file_damaged", str(error)) from error
