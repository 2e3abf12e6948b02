"""Real recordings, which the project may not ship: they are read from where they are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from emg import c3d
from emg.crosscheck.reading import CrosscheckFailed, Failure, Limits, read_with_ezc3d
from tests.emg.agreement import disagreement, needs_ezc3d

FOLDER = Path(os.environ.get("C3D_FOLDER", Path(__file__).parents[3] / "shared" / "c3d"))
HOSTILE = FOLDER / "hostile"
GHOSTLY = "Ghostly_Emg_2023{}.c3d"
TRIAL = "encodings/pc_int.c3d"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of real recordings")


# What is right for each of these is told beside them, and is not what ezc3d says.
ELSEWHERE = {HOSTILE, FOLDER / "vendors"}


def recordings() -> list[str]:
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix.lower() == ".c3d")
    return [str(path.relative_to(FOLDER)) for path in paths if path.parent not in ELSEWHERE]


@contextmanager
def opened(name: str) -> Iterator[tuple[BinaryIO, c3d.Metadata]]:
    path = FOLDER / name
    with path.open("rb") as file:
        yield file, c3d.read_metadata(file, size_bytes=path.stat().st_size)


def outcome(name: str) -> str:
    try:
        with opened(name) as (file, metadata):
            for channel in range(metadata.channel_count):
                c3d.read_channel(file, metadata, channel)
    except c3d.C3DError as error:
        return str(error)
    return "Read."


NO_SECOND_OPINION = {  # ezc3d refuses these
    "encodings/sgi_int.c3d",
    "encodings/sgi_real.c3d",
    "edge/badParameterOffset.c3d",
}
WITHOUT_SAMPLES = {
    "edge/Empty.c3d": "The file is empty.",
    "edge/bad_parameter_section.c3d": "ANALOG:OFFSET has 0 values for 32 channels.",
}
DIFFERENT = {  # ezc3d leaves channels out that have no ANALOG:RATE, and counts frames for samples
    "edge/561xxa01_anonym.C3D": "ezc3d reads 0 x 0 samples, this reader 18 x 361.",
    "edge/MyCube.c3d": "ezc3d reads 0 x 1 samples, this reader 0 x 0.",
}


@pytest.mark.parametrize("name", recordings())
def test_it_reads_what_can_be_read(name: str) -> None:
    assert outcome(name) == WITHOUT_SAMPLES.get(name, "Read.")


@needs_ezc3d
@pytest.mark.parametrize("name", [name for name in recordings() if name not in WITHOUT_SAMPLES])
def test_it_agrees_with_ezc3d(name: str) -> None:
    path = FOLDER / name
    limits = Limits.for_file(path.stat().st_size)
    if name in NO_SECOND_OPINION:
        with pytest.raises(CrosscheckFailed, match="refuses"):
            read_with_ezc3d(path, limits=limits)
        return
    theirs = read_with_ezc3d(path, limits=limits)
    with opened(name) as (file, metadata):
        assert disagreement(metadata, theirs) == DIFFERENT.get(name)
        if name in DIFFERENT:
            return
        for number, channel in enumerate(metadata.channels):
            assert (theirs.channel_names[number] or f"Channel {number + 1}") == channel.name
            ours = c3d.read_channel(file, metadata, number)
            expected = theirs.samples[number] + _taken_wrongly(metadata, channel)
            np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-9)


def _taken_wrongly(metadata: c3d.Metadata, channel: c3d.Channel) -> float:
    """ezc3d subtracts the absolute value of a 16-bit offset, which is unsigned here."""
    stored = channel.offset - 0x10000 if channel.offset > 0x7FFF else channel.offset
    return (abs(stored) - channel.offset) * channel.scale


@pytest.mark.parametrize("name", ["pc_real", "sgi_int", "sgi_real", "DEC_INT", "Dec_real"])
def test_it_reads_one_trial_in_six_encodings(name: str) -> None:
    suffix = ".C3D" if name == "DEC_INT" else ".c3d"
    with opened(TRIAL) as first, opened(f"encodings/{name}{suffix}") as other:
        assert first[1].channels == other[1].channels
        for channel in range(16):
            np.testing.assert_array_equal(
                c3d.read_channel(*first, channel), c3d.read_channel(*other, channel)
            )


@pytest.mark.parametrize(
    ("name", "channel", "count", "rms_v", "mav_v"),
    [
        ("0321_17-23-09-0409", 0, 74_280, 8.3385e-5, 3.5557e-5),
        ("0321_17-23-09-0409", 1, 74_280, 7.0967e-5, 2.1143e-5),
        ("0321_17-23-09-0409", 2, 74_280, 3.3312e-5, 8.5408e-6),
        ("0321_17-23-09-0409", 3, 74_280, 3.3265e-5, 6.6383e-6),
        ("0321_17-50-17-0881", 0, 173_370, 5.3364e-4, 7.3177e-5),
        ("0321_17-50-17-0881", 1, 173_370, 2.8253e-5, 8.0806e-6),
        ("1004_13-18-43-0464", 0, 63_240, 2.3078e-3, 1.6012e-3),
        ("1004_13-18-43-0464", 1, 63_240, 4.0884e-4, 1.4892e-4),
    ],
)
def test_it_reads_known_values(
    name: str, channel: int, count: int, rms_v: float, mav_v: float
) -> None:
    with opened(GHOSTLY.format(name)) as (file, metadata):
        samples = c3d.read_channel(file, metadata, channel)
    assert len(samples) == count
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(rms_v, rel=1e-4)
    assert np.mean(np.abs(samples)) == pytest.approx(mav_v, rel=1e-4)


def test_it_reads_what_a_game_noted() -> None:
    with opened(GHOSTLY.format("0321_17-23-09-0409")) as (_, metadata):
        assert metadata.channel_names == ("CH1 Raw", "CH2 Raw", "CH1 activated", "CH2 activated")
        assert (metadata.sampling_rate_hz, metadata.units[0]) == (990, "")
        assert metadata.duration_s == pytest.approx(75.03, abs=0.005)
        assert metadata.notes["INFO:GAME_NAME"] == ("Ghostly",)
        assert metadata.notes["SUBJECTS:GAME_SCORE"] == (24.0,)


def test_it_finds_the_first_frame() -> None:
    with opened("edge/shd01.c3d") as (_, metadata):
        assert metadata.frames == c3d.Frames(count=237, said_by="POINT:FRAMES", first=91)


@pytest.mark.parametrize("percent", [90, 75, 50, 40])
def test_it_flags_a_real_file_that_is_cut(percent: int) -> None:
    path = FOLDER / GHOSTLY.format("0321_17-23-09-0409")
    size_bytes = path.stat().st_size * percent // 100
    with path.open("rb") as file, pytest.raises(c3d.TruncatedC3D, match="promises 2,476 frames"):
        c3d.read_metadata(file, size_bytes=size_bytes)


def hostile() -> list[str]:
    return sorted(path.name for path in HOSTILE.glob("*.c3d"))


@pytest.mark.parametrize("name", hostile())
def test_it_survives_a_hostile_file(name: str) -> None:
    assert outcome(f"hostile/{name}").endswith(".")


@needs_ezc3d
@pytest.mark.parametrize("name", [name for name in hostile() if "_" in name])
def test_it_contains_ezc3d(name: str) -> None:
    # A slow machine takes its time to fill that much memory.
    limits = Limits(memory_bytes=512 << 20, cpu_s=2 if "hang" in name else 20)
    with pytest.raises(CrosscheckFailed) as caught:
        read_with_ezc3d(HOSTILE / name, limits=limits)
    expected = {
        "SIGSEGV": Failure.CRASHED,
        "hang": Failure.TIMED_OUT,
        "memory": Failure.OUT_OF_MEMORY,
        "6KB": Failure.OUT_OF_MEMORY,
    }
    [failure] = [failure for end, failure in expected.items() if name.endswith(f"{end}.c3d")]
    assert caught.value.failure is failure
