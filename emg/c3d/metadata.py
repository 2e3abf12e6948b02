"""What a recording is, from its first blocks."""

import math
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emg.c3d.errors import DamagedC3D, NotC3D, TruncatedC3D, UnsupportedC3D
from emg.c3d.frames import Frames, count_frames
from emg.c3d.layout import (
    BLOCK_BYTES,
    Header,
    Layout,
    analog_rate_hz,
    layout_of,
    point_rate_hz,
    read_header,
)
from emg.c3d.parameters import SECTION_HEADER_BYTES, Parameter, ParameterSection, parse
from emg.c3d.processors import Processor
from emg.c3d.source import ByteSource, SeekableFile

MAX_SECTION_BLOCKS = 255
POINTS_FOLLOW = 0x50
NOTE_GROUPS = {"INFO", "MANUFACTURER", "SUBJECTS", "TRIAL"}
NOTE_NAMES = re.compile(r"MVC|THRESHOLD|TARGET")
MAX_NOTE_VALUES = 255
Note = tuple[str | int | float, ...]


@dataclass(frozen=True)
class Channel:
    """A stored number x means (x - offset) * scale, in `unit` as the file spells it, "" where it
    does not (GHOSTLY's are volts)."""

    name: str
    unit: str
    offset: float
    scale: float


@dataclass(frozen=True)
class Metadata:
    """A C3D file without its samples."""

    # In file order. A channel without a label is called by its number, from 1.
    channels: tuple[Channel, ...]
    # Of each channel; 0.0 in a file without channels.
    sampling_rate_hz: float
    # How many, who says so, and the number of the first (recorders need not begin at 1).
    frames: Frames
    # Frames per second; 0.0 where the file has none.
    point_rate_hz: float
    layout: Layout = field(repr=False)
    # What the recorder wrote down, as `"GROUP:NAME": (value, …)`: INFO, SUBJECTS, TRIAL and
    # MANUFACTURER, and whatever is named for an MVC, threshold or target. May name a person.
    notes: dict[str, Note] = field(repr=False)

    @property
    def channel_count(self) -> int:
        return len(self.channels)

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.channels)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(channel.unit for channel in self.channels)

    @property
    def point_count(self) -> int:
        return self.layout.point_count

    @property
    def sample_count(self) -> int:
        """Of each channel."""
        return self.frames.count * self.layout.samples_per_frame if self.channels else 0

    @property
    def duration_s(self) -> float:
        """By the channels; by the frames in a file without them."""
        if self.channels:
            return self.sample_count / self.sampling_rate_hz
        return self.frames.count / self.point_rate_hz if self.point_rate_hz else 0.0


def read_metadata(file: SeekableFile, *, size_bytes: int) -> Metadata:
    """Reads header and parameters: the same few kilobytes whatever the size of the file, which is
    asked at most four times, and mostly once. Every claim is held against `size_bytes`.

    https://c3d.org/HTML/Documents/c3dfiledescription.htm

    Raises
    ------
    NotC3D
        The file is empty or something else.
    UnsupportedC3D
        The processor is none of the three that the format knows.
    TruncatedC3D
        The file ends before the last promised frame.
    DamagedC3D
        Header and parameters contradict each other, or what the samples need is missing.

    Examples
    --------
    >>> with path.open("rb") as file:
    ...     metadata = read_metadata(file, size_bytes=path.stat().st_size)
    >>> metadata.channel_names, metadata.sampling_rate_hz
    (('CH1 Raw', 'CH2 Raw', 'CH1 activated', 'CH2 activated'), 990.0)
    """
    source = ByteSource(file)
    header, parameters, processor = _opened(source, size_bytes)
    layout = layout_of(header, parameters, processor)
    rate_hz = point_rate_hz(header, parameters)
    return Metadata(
        channels=_channels(layout, parameters),
        sampling_rate_hz=analog_rate_hz(layout, parameters, point_rate_hz=rate_hz),
        frames=count_frames(header, parameters, layout, size_bytes=size_bytes, source=source),
        point_rate_hz=rate_hz,
        layout=layout,
        notes=_notes(parameters),
    )


def _opened(source: ByteSource, size_bytes: int) -> tuple[Header, ParameterSection, Processor]:
    head = source.read(0, BLOCK_BYTES)
    _check_is_c3d(head, size_bytes)
    section_at = (head[0] - 1) * BLOCK_BYTES
    opening = source.read(section_at, SECTION_HEADER_BYTES)
    if len(opening) < SECTION_HEADER_BYTES:
        raise TruncatedC3D("The file ends before its parameters.")
    processor = _processor(opening[3])
    header = read_header(head, processor)
    section = source.read(section_at, _section_bytes(section_at, opening[2], header, size_bytes))
    return header, parse(section, processor), processor


def _check_is_c3d(head: bytes, size_bytes: int) -> None:
    if not size_bytes:
        raise NotC3D("The file is empty.")
    if len(head) < 2 or head[1] != POINTS_FOLLOW or head[0] < 2:
        raise NotC3D("The file is not a C3D file.")
    if len(head) < BLOCK_BYTES:
        raise TruncatedC3D("The file ends within its header.")


def _processor(code: int) -> Processor:
    try:
        return Processor(code)
    except ValueError:
        raise UnsupportedC3D(
            f"The file is in the numbers of an unknown processor, {code}."
        ) from None


def _section_bytes(section_at: int, blocks: int, header: Header, size_bytes: int) -> int:
    """Some recorders count too few blocks, or none: what lies before the samples belongs to it."""
    promised_bytes = blocks * BLOCK_BYTES
    if section_at + promised_bytes > size_bytes:
        raise TruncatedC3D("The file ends within its parameters.")
    before_data_bytes = (header.data_block - 1) * BLOCK_BYTES - section_at
    return min(max(promised_bytes, before_data_bytes), MAX_SECTION_BLOCKS * BLOCK_BYTES)


def _channels(layout: Layout, parameters: ParameterSection) -> tuple[Channel, ...]:
    """https://c3d.org/HTML/Documents/theanaloggroup.htm"""
    count = layout.channel_count
    if not count:
        return ()
    offsets = _for_each("OFFSET", count, parameters, signed=not layout.is_unsigned)
    scales = _for_each("SCALE", count, parameters) * _general_scale(parameters)
    names = parameters.texts("ANALOG:LABELS")
    units = parameters.texts("ANALOG:UNITS")
    return tuple(
        Channel(
            name=(names[number] if number < len(names) else "") or f"Channel {number + 1}",
            unit=units[number] if number < len(units) else "",
            offset=float(offsets[number]),
            scale=float(scales[number]),
        )
        for number in range(count)
    )


def _for_each(
    name: str, count: int, parameters: ParameterSection, *, signed: bool = False
) -> NDArray[np.float64]:
    """Required: a channel without its scale would be in a unit that nobody knows."""
    values = parameters.numbers(f"ANALOG:{name}", signed=signed)[:count]
    if len(values) < count:
        raise DamagedC3D(f"ANALOG:{name} has {len(values):,} values for {count:,} channels.")
    if not np.isfinite(values).all():
        raise DamagedC3D(f"A value of ANALOG:{name} is no number.")
    return values


def _general_scale(parameters: ParameterSection) -> float:
    scale = parameters.number("ANALOG:GEN_SCALE")
    if scale is None or not math.isfinite(scale):
        raise DamagedC3D("ANALOG:GEN_SCALE is missing or no number.")
    return scale


def _notes(parameters: ParameterSection) -> dict[str, Note]:
    found = {}
    for parameter in parameters:
        group, _, name = parameter.name.partition(":")
        if group in NOTE_GROUPS or NOTE_NAMES.search(name):
            found[parameter.name] = _note(parameter)
    return {name: values for name, values in found.items() if values}


def _note(parameter: Parameter) -> Note:
    """Nothing depends on a note: a spoiled one is left out."""
    try:
        values = parameter.values()[:MAX_NOTE_VALUES]
    except DamagedC3D:
        return ()
    numbers = [value for value in values if not isinstance(value, str)]
    return tuple(values) if np.isfinite(numbers).all() else ()
