"""What is drawn of one channel between two moments, straight from an opened file."""

import numpy as np

from emg import c3d
from emg.analytics.parameters import PARAMETERS
from emg.analytics.samples import Samples
from emg.recordings import muscles
from emg.waveform import decimation
from emg.waveform.queries import Json, Judged, StretchQuery
from omibackend.core.errors import Refused

SIGNIFICANT_DIGITS = 4
# Powers of ten that a float holds exactly, so that a quotient is the shortest of its kind.
POWERS = np.array([10.0**power for power in range(23)])


def read(file: c3d.SeekableFile, size_bytes: int, asked: StretchQuery, stored: Judged) -> Json:
    """As the API answers it. Raises Refused: no such channel or stretch, or a damaged file."""
    try:
        metadata = c3d.read_metadata(file, size_bytes=size_bytes)
        return _drawn(file, metadata, asked, stored)
    except c3d.C3DError as error:
        raise Refused(422, "file_damaged", str(error)) from error


def _drawn(
    file: c3d.SeekableFile, metadata: c3d.Metadata, asked: StretchQuery, stored: Judged
) -> Json:
    number = _number(metadata, asked.channel)
    channel = metadata.channels[number]
    is_emg = muscles.is_emg(channel)
    start, stop = _stretch(metadata, asked)
    bucket = -(-(stop - start) // asked.points)
    drawn = decimation.draw(
        file,
        metadata,
        number,
        start=start,
        stop=stop,
        bucket=bucket,
        parameters=PARAMETERS if is_emg else None,
    )
    rate_hz = metadata.sampling_rate_hz
    start_s, end_s = start / rate_hz, stop / rate_hz
    return {
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
        "contractions": [
            {"index": index, **each}
            for index, each in enumerate(stored.contractions)
            if each["end_s"] > start_s and each["start_s"] < end_s
        ],
        "mvc": stored.mvc,
        "mvc_source": stored.mvc_source,
        "target": stored.target,
        "threshold": stored.threshold,
    }


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


def _rounded(values: Samples) -> Samples:
    """NaN becomes null in JSON: a gap. Whole numbers keep all their digits."""
    size = np.abs(values, where=values != 0, out=np.ones_like(values))
    finite = np.nan_to_num(np.log10(size), posinf=0)
    digits = SIGNIFICANT_DIGITS - 1 - np.floor(finite).astype(int)
    power = POWERS[digits.clip(0, len(POWERS) - 1)]
    return np.asarray(np.round(values * power) / power)
