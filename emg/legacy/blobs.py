"""The samples in an old `emg_signals`: `{channel: {"data": [...], "sampling_rate": ...}}`."""

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from emg.analytics.samples import Samples

MOST_BYTES = 1 << 30
GZIP, ZLIB = b"\x1f\x8b", b"\x78"
DATA = ("data", "raw_data", "signal", "samples")
RATE = ("sampling_rate", "sample_rate", "fs")
ACTIVATED = "activated_data"


class BadBlob(ValueError):
    """Nothing can be measured in it; the message says why."""


@dataclass(frozen=True)
class OldChannel:
    name: str
    samples: Samples
    rate_hz: float
    activated: Samples | None


def channels(blob: str | bytes, rate_hz: float | None) -> list[OldChannel]:
    """`rate_hz`: as the old file table has it, for channels that say nothing of their own. Raises
    BadBlob."""
    told = _parsed(blob)
    if isinstance(told, Mapping) and isinstance(told.get("channels"), Mapping):
        told = told["channels"]
    if not isinstance(told, Mapping) or not told:
        raise BadBlob("emg_signals names no channel.")
    return [_channel(str(name), value, rate_hz) for name, value in told.items()]


def _parsed(blob: str | bytes) -> Any:
    try:
        found = _json(_unpacked(blob) if isinstance(blob, bytes) else blob)
        # Some wrote the JSON of a JSON.
        return _json(found) if isinstance(found, str) else found
    except BadBlob:
        raise
    except (ValueError, RecursionError, zlib.error) as error:
        raise BadBlob("emg_signals is no JSON.") from error


def _json(text: str | bytes) -> Any:
    """Also as Python writes it, with NaN for a missing sample."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _unpacked(blob: bytes) -> bytes:
    if not blob.startswith((GZIP, ZLIB)):
        return blob
    # Whatever it claims, no more than this comes out of it.
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    found = unpacking.decompress(blob, MOST_BYTES)
    if not unpacking.eof:
        raise BadBlob("emg_signals is cut short, or larger than 1 GiB unpacked.")
    return found


def _channel(name: str, value: Any, rate_hz: float | None) -> OldChannel:
    told = value if isinstance(value, Mapping) else {"data": value}
    data = next((told[key] for key in DATA if key in told), None)
    samples = _samples(name, data)
    own_hz = next((told[key] for key in RATE if told.get(key)), None)
    activated = told.get(ACTIVATED)
    return OldChannel(
        name.replace("\x00", "\ufffd"),
        samples,
        _rate_hz(name, own_hz or rate_hz or _by_time(told.get("time_axis"))),
        _samples(name, activated) if activated else None,
    )


def _samples(name: str, data: Any) -> Samples:
    """null is a missing sample."""
    try:
        samples = np.array(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadBlob(f"{name}: not all of its samples are numbers.") from error
    if samples.ndim != 1 or not samples.size:
        raise BadBlob(f"{name}: there is no list of samples.")
    return samples


def _by_time(time_axis: Any) -> float | None:
    """As in the old system: a second for each sample's moment."""
    if not isinstance(time_axis, list) or len(time_axis) < 2:
        return None
    first, last = time_axis[0], time_axis[-1]
    known = all(isinstance(at, int | float) for at in (first, last)) and last > first
    return (len(time_axis) - 1) / (last - first) if known else None


def _rate_hz(name: str, told: Any) -> float:
    """Never guessed."""
    try:
        rate_hz = float(told)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadBlob(f"{name}: nothing says how fast it was sampled.") from error
    if not math.isfinite(rate_hz):
        raise BadBlob(f"{name}: nothing says how fast it was sampled.")
    return rate_hz
