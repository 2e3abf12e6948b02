"""Files that are cut, lie or make no sense: a sentence that says so, never fewer samples."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emg import c3d
from tests.emg import mutants
from tests.emg.c3d_files import DEC, INTEL, MIPS, WORD_IS_FULL, C3DFile, Text

SAMPLES = (np.arange(2 * 600).reshape(2, -1) % 251 + 1).astype(np.float64)
SEEDS = [
    C3DFile(SAMPLES, processor=processor, is_float=is_float, point_count=point_count)
    for processor in (INTEL, DEC, MIPS)
    for is_float in (False, True)
    for point_count in (0, 2)
]


def error_of(encoded: bytes) -> c3d.C3DError:
    with pytest.raises(c3d.C3DError) as caught:
        c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))
    return caught.value


@pytest.mark.parametrize("encoded", [b"", b"x", b"PK\3\4" + bytes(600), b"\0\x50" + bytes(600)])
def test_it_tells_what_is_no_c3d_file(encoded: bytes) -> None:
    assert type(error_of(encoded)) is c3d.NotC3D


def test_it_tells_an_unknown_processor() -> None:
    error = error_of(C3DFile(SAMPLES, processor=87).encoded())
    assert type(error) is c3d.UnsupportedC3D
    assert str(error) == "The file is in the numbers of an unknown processor, 87."


@pytest.mark.parametrize("percent", [90, 75, 50, 40])
@pytest.mark.parametrize("file", SEEDS, ids=range(len(SEEDS)))
def test_it_tells_where_a_cut_file_ends(file: C3DFile, percent: int) -> None:
    left = file.encoded()[: file.data_at + file.frame_bytes * 60 * percent // 100 - 1]
    error = error_of(left)
    assert type(error) is c3d.TruncatedC3D
    ends_within = (
        f"POINT:FRAMES promises 60 frames, the file ends within frame {60 * percent // 100}."
    )
    assert str(error) == ends_within


@pytest.mark.parametrize("file", SEEDS, ids=range(len(SEEDS)))
def test_it_never_reads_a_part_of_a_cut_file(file: C3DFile) -> None:
    encoded = file.encoded()
    for size_bytes in range(0, len(encoded), 7):
        error_of(encoded[:size_bytes])
    assert type(error_of(encoded[:-1])) is c3d.TruncatedC3D


@pytest.mark.parametrize("told", [{}, {"POINT:LONG_FRAMES": 70_000.0}])
def test_it_tells_where_a_cut_long_file_ends(told: Mapping[str, Any]) -> None:
    stored = np.ones((1, 70_000))
    file = C3DFile(stored, is_float=False, per_frame=1, parameters=told)
    encoded = file.encoded()
    error = error_of(encoded[: file.data_at + 50_001 * 2 - 1])
    assert type(error) is c3d.TruncatedC3D
    assert str(error).endswith("the file ends within frame 50,001.")


def test_it_tells_that_a_long_file_ends_in_a_frame() -> None:
    file = C3DFile(np.ones((300, 66_000)), is_float=False, per_frame=1)
    assert str(error_of(file.encoded()[:-40])) == "The file ends within frame 66,000."


def test_it_notices_that_the_file_shrank_after_its_metadata_was_read() -> None:
    encoded = SEEDS[0].encoded()
    metadata = c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))
    with pytest.raises(c3d.TruncatedC3D, match="it ends within frame 60"):
        c3d.read_channel(io.BytesIO(encoded[:-1]), metadata, 0)


LIES: dict[str, dict[str, Any]] = {
    "fewer frames": {"parameters": {"POINT:FRAMES": 59}},
    "a count that wrapped": {
        "header": {"last": 20},
        "parameters": {
            "POINT:FRAMES": 20,
            "TRIAL:ACTUAL_START_FIELD": [1, 0],
            "TRIAL:ACTUAL_END_FIELD": [60, 0],
        },
    },
    "more frames": {"parameters": {"POINT:FRAMES": 61}},
    "no frames": {"parameters": {"POINT:FRAMES": 0}},
    "half a frame": {"parameters": {"POINT:FRAMES": 59.5}},
    "a count that is none": {"parameters": {"POINT:LONG_FRAMES": float("nan")}},
    "a negative count": {"parameters": {"POINT:LONG_FRAMES": -60.0}},
    "another number of points": {"parameters": {"POINT:USED": 3}},
    "another number of channels": {"parameters": {"ANALOG:USED": 1}},
    "no channels": {"parameters": {"ANALOG:USED": 0}},
    "another start": {"parameters": {"POINT:DATA_START": 2}},
    "no start": {"header": {"data": 0}, "parameters": {"POINT:DATA_START": None}},
    "integers and floats": {"header": {"scale": 0.1}},
    "samples per frame": {"header": {"per_frame": 20}},
    "no samples per frame": {"header": {"per_frame": 0, "analogs": 0}},
    "two frame rates": {"parameters": {"POINT:RATE": 50.0}},
    "a negative frame rate": {"header": {"rate": -1.0}, "parameters": {"POINT:RATE": -1.0}},
    "a rate of another file": {"parameters": {"ANALOG:RATE": 2000.0}},
    "no rate": {"parameters": {"ANALOG:RATE": 0.0}},
    "an infinite rate": {"parameters": {"ANALOG:RATE": float("inf")}},
    "too few scales": {"parameters": {"ANALOG:SCALE": [1.0]}},
    "no offsets": {"parameters": {"ANALOG:OFFSET": None}},
    "a scale that is none": {"parameters": {"ANALOG:SCALE": [1.0, float("nan")]}},
    "no general scale": {"parameters": {"ANALOG:GEN_SCALE": None}},
    "text for a number": {"parameters": {"ANALOG:SCALE": "one"}},
    "a number for text": {"parameters": {"ANALOG:LABELS": [1, 2]}},
}


@pytest.mark.parametrize("lie", LIES)
def test_it_believes_no_lie(lie: str) -> None:
    assert isinstance(error_of(C3DFile(SAMPLES, **LIES[lie]).encoded()), c3d.DamagedC3D)


def test_it_minds_no_padding_that_a_header_takes_for_a_frame() -> None:
    file = C3DFile(SAMPLES, header={"last": 61}, is_padded=True)
    encoded = file.encoded()
    metadata = c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))
    assert metadata.frames.count == 60


def test_it_reads_no_more_than_the_file_has() -> None:
    """255**7 texts of no length, and a group that begins where the section ends."""
    file = C3DFile(SAMPLES, parameters={"INFO:NOTE": Text([b""])})
    encoded = bytearray(file.encoded())
    at = encoded.index(b"NOTE") + len("NOTE") + 2
    encoded[at : at + 9] = b"\xff\x07\0" + b"\xff" * 6
    metadata = c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))
    assert metadata.notes == {}


def test_it_is_not_kept_by_a_section_of_nothing_but_records() -> None:
    file = C3DFile(SAMPLES)
    encoded = bytearray(file.encoded())
    records = b"\1\1A\x06\0\xff\1\xff" * (254 * 64)
    encoded[BLOCK_AT + 2] = 255
    encoded[BLOCK_AT + 4 : BLOCK_AT + 4] = records
    error_of(bytes(encoded))


BLOCK_AT = 512


def outcome(encoded: bytes) -> str:
    """What is said instead of samples; any error but ours is a failure."""
    source = io.BytesIO(encoded)
    try:
        metadata = c3d.read_metadata(source, size_bytes=len(encoded))
        for channel in range(metadata.channel_count):
            samples = c3d.read_channel(source, metadata, channel)
            assert len(samples) == metadata.sample_count
    except c3d.C3DError as error:
        return str(error)
    return "Read."


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=3000), st.sampled_from([b"", b"\2\x50", SEEDS[0].encoded()[:700]]))
def test_it_reads_any_bytes_or_says_why(tail: bytes, head: bytes) -> None:
    assert outcome(head + tail).endswith(".")


def test_it_reads_mutants_or_says_why() -> None:
    for mutant in mutants.of(SEEDS, 400, seed=4):
        said = outcome(mutant.encoded)
        assert said.endswith(".")
        assert said != "Read." or not mutant.is_cut


def test_it_knows_the_full_word() -> None:
    file = C3DFile(np.ones((1, WORD_IS_FULL)), is_float=False, per_frame=1)
    assert type(error_of(file.encoded()[:-1])) is c3d.TruncatedC3D
