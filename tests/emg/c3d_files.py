"""Writes C3D files of every kind, honest or not. The project ships no recording of anybody.

https://c3d.org/HTML/Documents/c3dfiledescription.htm
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 1000

INTEL, DEC, MIPS = 84, 85, 86
BLOCK_BYTES = 512
WORD_IS_FULL = 65_535
POINT = -12_345  # in no channel
HEADER_WORDS = {"points": 1, "analogs": 2, "first": 3, "last": 4, "data": 8, "per_frame": 9}
HEADER_FLOATS = {"scale": 12, "rate": 20}
Value = str | int | float | Sequence[Any]


@dataclass(frozen=True)
class Text:
    """Texts of one length, as bytes: for encodings that a str would not keep."""

    rows: Sequence[bytes]


@dataclass(frozen=True)
class C3DFile:
    """`stored` holds what is written, shape (channels, samples): a whole number of frames.

    `parameters` replace those of an honest file, None removes one; `header` likewise by word.
    """

    stored: NDArray[Any]
    processor: int = INTEL
    is_float: bool = True
    per_frame: int = 10
    point_rate_hz: float = 100.0
    point_count: int = 0
    first_frame: int = 1
    labels: Sequence[str] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    header: Mapping[str, float] = field(default_factory=dict)
    is_padded: bool = False
    header_block_pad: int = 0

    @property
    def channel_count(self) -> int:
        return len(self.stored)

    @property
    def frame_count(self) -> int:
        return int(self.stored.shape[1]) // self.per_frame

    @property
    def frame_bytes(self) -> int:
        words = 4 * self.point_count + self.channel_count * self.per_frame
        return words * (4 if self.is_float else 2)

    @property
    def data_at(self) -> int:
        return BLOCK_BYTES * (self._data_block - 1)

    @property
    def _data_block(self) -> int:
        return 2 + self.header_block_pad + len(self._section(2)) // BLOCK_BYTES

    def encoded(self) -> bytes:
        data = self._data()
        if self.is_padded:
            data += bytes(-len(data) % BLOCK_BYTES or BLOCK_BYTES)
        gap = bytes(BLOCK_BYTES * self.header_block_pad)
        return self._header() + gap + self._section(self._data_block) + data

    def _header(self) -> bytes:
        told = {
            "points": self.point_count,
            "analogs": self.channel_count * self.per_frame,
            "first": self.first_frame,
            "last": min(self.first_frame + self.frame_count - 1, WORD_IS_FULL),
            "data": self._data_block,
            "per_frame": self.per_frame,
            "scale": self._scale,
            "rate": self.point_rate_hz,
            **self.header,
        }
        block = bytearray(BLOCK_BYTES)
        block[:2] = 2 + self.header_block_pad, 0x50
        for name, word in HEADER_WORDS.items():
            block[2 * word : 2 * word + 2] = self._integers(told[name])
        for name, at in HEADER_FLOATS.items():
            block[at : at + 4] = self._floats(told[name])
        return bytes(block)

    @property
    def _scale(self) -> float:
        return -1.0 if self.is_float else 0.1

    def _told(self, data_block: int) -> dict[str, Any]:
        labels = self.labels or [f"EMG{number}" for number in range(1, self.channel_count + 1)]
        honest: dict[str, Any] = {
            "POINT:USED": self.point_count,
            "POINT:SCALE": self._scale,
            "POINT:RATE": float(self.point_rate_hz),
            "POINT:DATA_START": data_block,
            "POINT:FRAMES": min(self.frame_count, WORD_IS_FULL),
            "ANALOG:USED": self.channel_count,
            "ANALOG:GEN_SCALE": 1.0,
            "ANALOG:RATE": float(self.point_rate_hz * self.per_frame),
        }
        for number, start in enumerate(range(0, self.channel_count, 255), 1):
            part = labels[start : start + 255]
            suffix = "" if number == 1 else str(number)
            honest[f"ANALOG:LABELS{suffix}"] = part
            honest[f"ANALOG:SCALE{suffix}"] = [1.0] * len(part)
            honest[f"ANALOG:OFFSET{suffix}"] = [0] * len(part)
        told = {**honest, **self.parameters}
        return {name: value for name, value in told.items() if value is not None}

    def _section(self, data_block: int) -> bytes:
        told = self._told(data_block)
        groups = list(dict.fromkeys(name.partition(":")[0] for name in told))
        records = [self._record(group, -number, b"\0") for number, group in enumerate(groups, 1)]
        for full_name, value in told.items():
            group, _, name = full_name.partition(":")
            records.append(self._record(name, groups.index(group) + 1, self._body(value)))
        body = b"".join(records)
        blocks = math.ceil((4 + len(body) + 2) / BLOCK_BYTES)
        head = bytes([1, 0x50, blocks, self.processor])
        return (head + body).ljust(blocks * BLOCK_BYTES, b"\0")

    def _record(self, name: str, group_id: int, body: bytes) -> bytes:
        link = self._integers(2 + len(body))
        return struct.pack("bb", len(name), group_id) + name.encode() + link + body

    def _body(self, value: Any) -> bytes:
        """Type, dimensions, data, and an empty description."""
        if isinstance(value, str):
            value = Text([value.encode()])
        if isinstance(value, list) and value and isinstance(value[0], str):
            value = Text([row.encode() for row in value])
        if isinstance(value, Text):
            length = max((len(row) for row in value.rows), default=0)
            rows = b"".join(row.ljust(length) for row in value.rows)
            return struct.pack("bBBB", -1, 2, length, len(value.rows)) + rows + b"\0"
        array = np.asarray(value)
        is_float = array.dtype.kind == "f"
        numbers = self._floats(array) if is_float else self._integers(array)
        shape = bytes([array.ndim, *array.shape])
        return struct.pack("b", 4 if is_float else 2) + shape + numbers + b"\0"

    def _data(self) -> bytes:
        frames, channels = self.frame_count, self.channel_count
        points = np.full((frames, 4 * self.point_count), POINT)
        analogs = self.stored.reshape(channels, frames, self.per_frame).transpose(1, 2, 0)
        words = np.hstack([points, analogs.reshape(frames, -1)])
        return self._floats(words) if self.is_float else self._integers(words)

    def _integers(self, values: Any) -> bytes:
        words = np.atleast_1d(values).astype(np.int64) & 0xFFFF  # a scalar forgets its byte order
        return words.astype(f"{self._order}u2").tobytes()

    def _floats(self, values: Any) -> bytes:
        numbers = np.atleast_1d(values).astype(np.float32)
        return (
            to_vax(numbers)
            if self.processor == DEC
            else numbers.astype(self._order + "f4").tobytes()
        )

    @property
    def _order(self) -> str:
        return ">" if self.processor == MIPS else "<"


def to_vax(values: NDArray[np.float32]) -> bytes:
    """VAX F floating point of numbers that are neither tiny nor huge."""
    bits = (values * np.float32(4)).astype("<f4").view("<u4")
    return ((bits << 16) | (bits >> 16)).astype("<u4").tobytes()


def emg_file(*, seed: int = 1, seconds: float = 12, **fields: Any) -> C3DFile:
    """Two channels in volts: rest, and three holds of two seconds."""
    count = int(seconds * RATE_HZ)
    at_s = np.arange(count) / RATE_HZ
    active = (at_s % 4 > 1) & (at_s % 4 < 3)
    noise = np.random.default_rng(seed).normal(0, 1e-6, (2, count))
    samples = np.where(active, 100 * noise, noise).astype(np.float32)
    told = {"ANALOG:UNITS": ["V", "V"], **fields.pop("parameters", {})}
    return C3DFile(samples, labels=["CH1 Raw", "CH2 Raw"], parameters=told, **fields)
