"""Files of every kind, with the samples that were put into them."""

import io
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from emg import c3d
from emg.c3d.processors import from_vax
from tests.emg.c3d_files import DEC, INTEL, MIPS, C3DFile, Text, Value
from tests.emg.reading import FLOATS, INTEGERS, opened, samples

PROCESSORS = {"Intel": INTEL, "DEC": DEC, "MIPS": MIPS}


@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
@pytest.mark.parametrize("point_count", [0, 5])
@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("stored", [INTEGERS, FLOATS], ids=["int16", "float32"])
def test_it_reads_what_was_stored(
    stored: NDArray[Any], processor: int, point_count: int, is_padded: bool
) -> None:
    file = C3DFile(
        stored,
        processor=processor,
        is_float=stored is FLOATS,
        point_count=point_count,
        is_padded=is_padded,
    )
    np.testing.assert_array_equal(samples(file), stored.astype(np.float64))


def test_it_says_what_is_in_the_file() -> None:
    metadata, _ = opened(
        C3DFile(
            FLOATS,
            point_count=2,
            first_frame=90,
            labels=["Left", "Right ", ""],
            parameters={"ANALOG:UNITS": ["mV", "uV"]},
        )
    )
    assert metadata.channel_names == ("Left", "Right", "Channel 3")
    assert metadata.units == ("mV", "uV", "")
    assert (metadata.channel_count, metadata.point_count) == (3, 2)
    assert (metadata.sampling_rate_hz, metadata.point_rate_hz) == (1000, 100)
    assert (metadata.sample_count, metadata.duration_s) == (200, 0.2)
    assert metadata.frames == c3d.Frames(count=20, said_by="POINT:FRAMES", first=90)


def test_it_scales_each_channel() -> None:
    calibration: dict[str, Value] = {
        "ANALOG:GEN_SCALE": 0.5,
        "ANALOG:SCALE": [1.0, 2.0, -0.25],
        "ANALOG:OFFSET": [0, 2048, -3],
    }
    expected = (INTEGERS - [[0], [2048], [-3]]) * [[0.5], [1.0], [-0.125]]
    for is_float in (False, True):
        file = C3DFile(INTEGERS, is_float=is_float, parameters=calibration)
        np.testing.assert_array_equal(samples(file), expected)


@pytest.mark.parametrize("is_float", [False, True])
def test_it_takes_unsigned_samples_with_unsigned_offsets(is_float: bool) -> None:
    stored = np.array([[0, 32_767, 32_768, 65_535]])
    parameters: dict[str, Value] = {"ANALOG:FORMAT": "UNSIGNED", "ANALOG:OFFSET": [32_784]}
    file = C3DFile(stored, is_float=is_float, per_frame=2, parameters=parameters)
    np.testing.assert_array_equal(samples(file), stored - 32_784)


def test_it_takes_signed_samples_unless_told_otherwise() -> None:
    stored = np.array([[-32_768, -1, 0, 32_767]])
    said: dict[str, Value] = {"ANALOG:FORMAT": "SIGNED", "ANALOG:BITS": 16}
    for told in ({}, said):
        file = C3DFile(stored, is_float=False, per_frame=2, parameters=told)
        np.testing.assert_array_equal(samples(file), stored)


def test_it_reads_more_channels_than_one_parameter_holds() -> None:
    stored = np.arange(600 * 4).reshape(600, 4) - 1200
    file = C3DFile(stored, is_float=False, per_frame=2)
    metadata, source = opened(file)
    assert metadata.channel_names[254:256] == ("EMG255", "EMG256")
    assert metadata.channel_names[-1] == "EMG600"
    np.testing.assert_array_equal(c3d.read_channel(source, metadata, 599), stored[599])


@pytest.mark.parametrize(
    ("point_rate_hz", "per_frame"),
    [(29.97, 30), (33.3333, 10), (59.94, 30), (111.1111, 10), (1111.111, 1), (148.148, 13)],
)
def test_it_reads_rates_that_are_no_integers(point_rate_hz: float, per_frame: int) -> None:
    stored = np.arange(2 * 3 * per_frame).reshape(2, -1)
    file = C3DFile(stored, point_rate_hz=point_rate_hz, per_frame=per_frame)
    metadata, _ = opened(file)
    assert metadata.sampling_rate_hz == pytest.approx(point_rate_hz * per_frame, rel=1e-6)
    np.testing.assert_array_equal(samples(file), stored)


LONG = np.arange(2 * 70_000).reshape(2, -1) % 30_011 + 1
PAST_16_BITS: dict[str, dict[str, Value]] = {
    "POINT:LONG_FRAMES": {"POINT:LONG_FRAMES": 70_000.0},
    "POINT:FRAMES": {"POINT:FRAMES": 70_000.0},
    "TRIAL:ACTUAL_END_FIELD": {
        "TRIAL:ACTUAL_START_FIELD": [1, 0],
        "TRIAL:ACTUAL_END_FIELD": [70_000 & 0xFFFF, 70_000 >> 16],
    },
    c3d.BY_LENGTH: {},
}


@pytest.mark.parametrize("said_by", PAST_16_BITS)
@pytest.mark.parametrize("is_padded", [False, True])
def test_it_reads_past_65535_frames(said_by: str, is_padded: bool) -> None:
    told = PAST_16_BITS[said_by]
    file = C3DFile(LONG, is_float=False, per_frame=1, parameters=told, is_padded=is_padded)
    assert opened(file)[0].frames.said_by == said_by
    np.testing.assert_array_equal(samples(file), LONG)


def test_it_counts_exactly_65535_frames() -> None:
    file = C3DFile(LONG[:, :65_535], is_float=False, per_frame=1)
    assert opened(file)[0].sample_count == 65_535


def test_it_counts_by_the_header_where_the_parameters_do_not() -> None:
    file = C3DFile(FLOATS, first_frame=7, parameters={"POINT:FRAMES": None, "POINT:RATE": None})
    metadata, _ = opened(file)
    assert metadata.frames == c3d.Frames(count=20, said_by="The header", first=7)
    assert metadata.duration_s == 0.2


def test_it_does_without_a_rate_of_its_own_for_channels() -> None:
    assert opened(C3DFile(FLOATS, parameters={"ANALOG:RATE": None}))[0].sampling_rate_hz == 1000


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Biceps gauche µV é".encode(), "Biceps gauche µV é"),
        ("Biceps gauche µV é’".encode("cp1252"), "Biceps gauche µV é’"),
        ("左足先".encode(), "左足先"),
        (b"two\0\0 ", "two"),
        (b"a\0b\x07", "a�b�"),
        (b"\x81\x8d", "��"),
        (b"    ", "Channel 1"),
    ],
)
def test_it_makes_text_of_any_bytes(written: bytes, read: str) -> None:
    file = C3DFile(FLOATS[:1], parameters={"ANALOG:LABELS": Text([written])})
    assert opened(file)[0].channel_names == (read,)


def test_it_keeps_what_the_recorder_noted() -> None:
    told: dict[str, Value] = {
        "INFO:GAME_NAME": "Ghostly",
        "INFO:DURATION": -1,
        "SUBJECTS:GAME_SCORE": 15.0,
        "EMG:MVC": [0.5, 0.25],
        "EMG:GAIN": [1.0],
        "INFO:SPOILED": [float("nan")],
    }
    assert opened(C3DFile(FLOATS, parameters=told))[0].notes == {
        "INFO:GAME_NAME": ("Ghostly",),
        "INFO:DURATION": (-1,),
        "SUBJECTS:GAME_SCORE": (15.0,),
        "EMG:MVC": (0.5, 0.25),
    }


def test_it_describes_a_file_without_channels() -> None:
    metadata, _ = opened(C3DFile(np.empty((0, 50)), per_frame=1, point_count=3))
    assert (metadata.channel_names, metadata.sampling_rate_hz) == ((), 0)
    assert (metadata.sample_count, metadata.duration_s) == (0, 0.5)


def test_it_asks_a_remote_store_once() -> None:
    file = C3DFile(np.zeros((4, 600_000)), per_frame=100)
    metadata, source = opened(file)
    assert metadata.sample_count == 600_000
    assert (source.requests, source.read_bytes) == (1, 16 << 10)


def test_it_reads_parameters_that_lie_elsewhere() -> None:
    np.testing.assert_array_equal(samples(C3DFile(FLOATS, header_block_pad=40)), FLOATS)


@pytest.mark.parametrize("processor", PROCESSORS.values(), ids=PROCESSORS)
def test_it_hands_on_what_is_no_number(processor: int) -> None:
    file = C3DFile(np.ones((1, 10)), processor=processor)
    encoded = bytearray(file.encoded())
    reserved = {INTEL: b"\1\0\x80\x7f", MIPS: b"\x7f\x80\0\1", DEC: b"\0\x80\0\0"}
    encoded[file.data_at : file.data_at + 4] = reserved[processor]
    source = io.BytesIO(encoded)
    read = c3d.read_channel(source, c3d.read_metadata(source, size_bytes=len(encoded)), 0)
    assert np.isnan(read[0])
    assert (read[1:] == 1).all()


def test_it_knows_the_numbers_of_a_vax() -> None:
    """1, -1, 0, the largest, the smallest, and the reserved operand, as they lie in memory."""
    stored = [0x4080, 0xC080, 0, 0xFFFF7FFF, 0x0080, 0x8000]
    expected = [1, -1, 0, (1 - 2.0**-24) * 2.0**127, 2.0**-128, np.nan]
    np.testing.assert_array_equal(from_vax(np.array(stored, np.uint32)), expected)


def test_it_does_without_django() -> None:
    pure = "emg.hashing, emg.c3d.writing, emg.crosscheck.reading, emg.analytics.scoring.score"
    program = f"import sys, {pure}; sys.exit('django' in sys.modules or 'ezc3d' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
