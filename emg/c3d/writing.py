"""Writes the simplest of C3D files: analog channels alone, as Intel floats in one unit."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emg.c3d.layout import BLOCK_BYTES
from emg.c3d.metadata import POINTS_FOLLOW
from emg.c3d.parameters import INTEGER, REAL, TEXT
from emg.c3d.processors import Processor

FLOATS = -1.0
HEADER = "<BBHHHHHfHHf"


def encode(
    samples: NDArray[np.float64],
    labels: Sequence[str],
    *,
    unit: str,
    rate_hz: int,
    point_rate_hz: int,
) -> bytes:
    """`samples` in `unit`, shape (channels, n), n a whole number of frames of `point_rate_hz`."""
    channels, count = samples.shape
    per_frame = rate_hz // point_rate_hz
    frames = count // per_frame
    told: dict[str, dict[str, Any]] = {
        "POINT": {
            "USED": 0,
            "SCALE": FLOATS,
            "RATE": float(point_rate_hz),
            "FRAMES": frames,
            "DATA_START": 0,
        },
        "ANALOG": {
            "USED": channels,
            "LABELS": list(labels),
            "UNITS": [unit] * channels,
            "SCALE": [1.0] * channels,
            "OFFSET": [0] * channels,
            "GEN_SCALE": 1.0,
            "RATE": float(rate_hz),
        },
    }
    data_block = 2 + len(_parameters(told)) // BLOCK_BYTES
    told["POINT"]["DATA_START"] = data_block
    numbers = (0, channels * per_frame, 1, frames, 0, FLOATS, data_block, per_frame, point_rate_hz)
    header = struct.pack(HEADER, 2, POINTS_FOLLOW, *numbers)
    return _filled(header) + _parameters(told) + _filled(samples.T.astype("<f4").tobytes())


def _parameters(told: dict[str, dict[str, Any]]) -> bytes:
    records = []
    for number, (group, parameters) in enumerate(told.items(), 1):
        records.append(_record(group, -number, b"\0"))
        records += [_record(name, number, _body(value)) for name, value in parameters.items()]
    body = b"".join(records) + bytes(2)
    blocks = -(-(4 + len(body)) // BLOCK_BYTES)
    return _filled(bytes([1, POINTS_FOLLOW, blocks, Processor.INTEL.value]) + body)


def _record(name: str, group: int, body: bytes) -> bytes:
    beyond = struct.pack("<H", 2 + len(body))
    return struct.pack("<bb", len(name), group) + name.encode() + beyond + body


def _body(value: Any) -> bytes:
    """Type, dimensions, data, and an empty description."""
    array = np.asarray(value)
    if array.dtype.kind == "U":
        array = np.char.encode(array)
        kind, shape = TEXT, (array.itemsize, *array.shape)
        data = array.tobytes().replace(b"\0", b" ")
    else:
        kind, stored = (REAL, "<f4") if array.dtype.kind == "f" else (INTEGER, "<u2")
        shape, data = array.shape, array.astype(stored).tobytes()
    return struct.pack("b", kind) + bytes([len(shape), *shape]) + data + b"\0"


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK_BYTES)
