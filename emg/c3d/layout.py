"""Where the samples lie: the header's words and the parameters, held against each other."""

import math
from dataclasses import dataclass

import numpy as np

from emg.c3d.errors import DamagedC3D
from emg.c3d.parameters import ParameterSection
from emg.c3d.processors import Processor

BLOCK_BYTES = 512
WORDS_PER_POINT = 4
MAX_RATE_HZ = 1e6
SAME_RATE = 1e-3


@dataclass(frozen=True)
class Header:
    """The first words of the file, which repeat what the parameters say.

    https://c3d.org/HTML/Documents/headerrecordfunction.htm
    """

    point_count: int
    analog_words_per_frame: int
    first_frame: int
    last_frame: int
    scale: float
    data_block: int
    samples_per_frame: int
    point_rate_hz: float

    @property
    def frame_count(self) -> int:
        return self.last_frame - self.first_frame + 1


@dataclass(frozen=True)
class Layout:
    """How the data section is cut into frames, and each frame into words.

    A frame is `point_count` points of four words, then `samples_per_frame` times one word of each
    channel in turn.

    https://c3d.org/HTML/Documents/analogdatastorage.htm
    """

    processor: Processor
    is_float: bool
    is_unsigned: bool
    data_start_bytes: int
    point_count: int
    channel_count: int
    samples_per_frame: int

    @property
    def word(self) -> np.dtype[np.generic]:
        """The type of a stored analog sample."""
        if self.is_float:
            return self.processor.float32
        return self.processor.uint16 if self.is_unsigned else self.processor.int16

    @property
    def analog_words(self) -> int:
        return self.channel_count * self.samples_per_frame

    @property
    def frame_words(self) -> int:
        return WORDS_PER_POINT * self.point_count + self.analog_words

    @property
    def frame_bytes(self) -> int:
        return self.frame_words * self.word.itemsize


def read_header(block: bytes, processor: Processor) -> Header:
    words = [int(word) for word in np.frombuffer(block, processor.uint16, count=10)]
    return Header(
        point_count=words[1],
        analog_words_per_frame=words[2],
        first_frame=words[3],
        last_frame=words[4],
        scale=_float(block[12:16], processor),
        data_block=words[8],
        samples_per_frame=words[9],
        point_rate_hz=_float(block[20:24], processor),
    )


def _float(four: bytes, processor: Processor) -> float:
    return float(processor.floats(np.frombuffer(four, processor.float32))[0])


def layout_of(header: Header, parameters: ParameterSection, processor: Processor) -> Layout:
    """Raises DamagedC3D where header and parameters contradict each other: then either may be the
    wrong one, and every sample would come from the wrong place."""
    point_count = _agreed("POINT:USED", header.point_count, parameters)
    data_block = _agreed("POINT:DATA_START", header.data_block, parameters)
    if data_block < 2:
        raise DamagedC3D("The header does not say where the samples begin.")
    layout = Layout(
        processor=processor,
        is_float=_is_float(header, parameters),
        is_unsigned=is_unsigned(parameters),
        data_start_bytes=(data_block - 1) * BLOCK_BYTES,
        point_count=point_count,
        channel_count=_channel_count(header, parameters),
        samples_per_frame=header.samples_per_frame,
    )
    if layout.analog_words != header.analog_words_per_frame:
        raise DamagedC3D(
            f"The header has {header.analog_words_per_frame:,} analog samples in a frame, "
            f"{layout.channel_count:,} channels make {layout.analog_words:,}."
        )
    return layout


def is_unsigned(parameters: ParameterSection) -> bool:
    """https://c3d.org/HTML/Documents/analogformat.htm: signed unless it says otherwise."""
    return [word.upper() for word in parameters.texts("ANALOG:FORMAT")[:1]] == ["UNSIGNED"]


def point_rate_hz(header: Header, parameters: ParameterSection) -> float:
    """Frames per second; 0.0 where the file has none."""
    told_hz = parameters.number("POINT:RATE")
    rate_hz = header.point_rate_hz if told_hz is None else told_hz
    if not (math.isfinite(rate_hz) and 0 <= rate_hz <= MAX_RATE_HZ):
        raise DamagedC3D("The rate of the frames is no rate.")
    if not math.isclose(rate_hz, header.point_rate_hz, rel_tol=SAME_RATE):
        raise DamagedC3D(
            f"The header has {header.point_rate_hz:g} frames a second, POINT:RATE {rate_hz:g}."
        )
    return rate_hz


def analog_rate_hz(layout: Layout, parameters: ParameterSection, *, point_rate_hz: float) -> float:
    """Samples per second of each channel, fractions kept; 0.0 where there are no channels.

    A recorder may have rounded POINT:RATE (30 for 29.97), so that only a rate which would put
    another number of samples into a frame contradicts it.

    https://c3d.org/HTML/Documents/analograte.htm
    """
    if not layout.channel_count:
        return 0.0
    by_frame_hz = point_rate_hz * layout.samples_per_frame
    told_hz = parameters.number("ANALOG:RATE")
    rate_hz = by_frame_hz if told_hz is None else told_hz
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= MAX_RATE_HZ):
        raise DamagedC3D("The file does not say how fast its channels were sampled.")
    if point_rate_hz and abs(rate_hz - by_frame_hz) >= point_rate_hz / 2:
        raise DamagedC3D(
            f"ANALOG:RATE is {rate_hz:g} Hz, {layout.samples_per_frame} samples in each of "
            f"{point_rate_hz:g} frames a second make {by_frame_hz:g} Hz."
        )
    return rate_hz


def whole(name: str, value: float) -> int:
    """A count as a count."""
    if not (math.isfinite(value) and value >= 0 and value == int(value)):
        raise DamagedC3D(f"{name} is no count.")
    return int(value)


def _agreed(name: str, by_header: int, parameters: ParameterSection) -> int:
    told = parameters.number(name)
    if told is not None and whole(name, told) != by_header:
        raise DamagedC3D(f"{name} is {told:,.0f}, the header has {by_header:,}.")
    return by_header


def _channel_count(header: Header, parameters: ParameterSection) -> int:
    """https://c3d.org/HTML/Documents/analogused1.htm"""
    told = parameters.number("ANALOG:USED")
    if told is not None:
        count = whole("ANALOG:USED", told)
    else:
        count = header.analog_words_per_frame // (header.samples_per_frame or 1)
    if count and not header.samples_per_frame:
        raise DamagedC3D(f"ANALOG:USED has {count:,} channels, the header no sample of them.")
    return count


def _is_float(header: Header, parameters: ParameterSection) -> bool:
    """https://c3d.org/HTML/Documents/pointscale.htm: a negative scale marks floats."""
    told = parameters.number("POINT:SCALE")
    is_float = header.scale < 0
    if told is not None and (told < 0) != is_float:
        raise DamagedC3D("Header and POINT:SCALE do not agree whether the samples are integers.")
    return is_float
