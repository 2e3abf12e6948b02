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
from tests.emg.c3d_files import WORD_IS_FULL, C3DFile, Text

SAMPLES = mutants.SAMPLES
SEEDS = mutants.SEEDS


def read(encoded: bytes) -> c3d.Metadata:
    return c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))


def error_of(encoded: bytes) -> c3d.C3DError:
    with pytest.raises(c3d.C3DError) as caught:
        read(encoded)
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


@pytest.mark.parametrize(("channels", "left_out_bytes"), [(3, 1), (300, 40)])
def test_it_tells_that_a_long_file_ends_in_a_frame(channels: int, left_out_bytes: int) -> None:
    file = C3DFile(np.ones((channels, 66_000)), is_float=False, per_frame=1)
    error = error_of(file.encoded()[:-left_out_bytes])
    assert str(error) == "The file ends within frame 66,000."


def test_it_notices_that_the_file_shrank_after_its_metadata_was_read() -> None:
    encoded = SEEDS[0].encoded()
    metadata = read(encoded)
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
    "a trial that is none": {
        "parameters": {
            "TRIAL:ACTUAL_START_FIELD": float("nan"),
            "TRIAL:ACTUAL_END_FIELD": float("inf"),
        }
    },
    "text for a number": {"parameters": {"ANALOG:SCALE": "one"}},
    "a number for text": {"parameters": {"ANALOG:LABELS": [1, 2]}},
}


@pytest.mark.parametrize("lie", LIES)
def test_it_believes_no_lie(lie: str) -> None:
    assert isinstance(error_of(C3DFile(SAMPLES, **LIES[lie]).encoded()), c3d.DamagedC3D)


def test_it_minds_no_padding_that_a_header_takes_for_a_frame() -> None:
    file = C3DFile(SAMPLES, header={"last": 61}, is_padded=True)
    assert read(file.encoded()).frames.count == 60


def test_it_reads_no_more_than_the_file_has() -> None:
    """255**6 texts of no length."""
    encoded = bytearray(C3DFile(SAMPLES, parameters={"INFO:NOTE": Text([b"1234567"])}).encoded())
    at = encoded.index(b"NOTE") + len("NOTE") + 2
    encoded[at : at + 9] = b"\xff\x07\0" + b"\xff" * 6
    assert read(bytes(encoded)).notes == {}


def test_it_lets_no_parameter_claim_what_is_anothers() -> None:
    """Thousands of overlapping claims of 65,025 texts each would be gigabytes."""
    notes = {f"INFO:NOTE{number}": Text([b"x"]) for number in range(3000)}
    encoded = C3DFile(SAMPLES, parameters=notes).encoded()
    greedy = encoded.replace(b"\xff\x02\x01\x01x", b"\xff\x02\xff\xffx")
    assert len(read(encoded).notes) == 3000
    assert read(greedy).notes == {}


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=3000), st.sampled_from([b"", b"\2\x50", SEEDS[0].encoded()[:700]]))
def test_it_reads_any_bytes_or_says_why(tail: bytes, head: bytes) -> None:
    assert mutants.outcome(head + tail).endswith(".")


def test_it_reads_mutants_or_says_why() -> None:
    for mutant in mutants.spoiled(400, seed=4):
        said = mutants.outcome(mutant.encoded)
        assert said.endswith(".")
        assert said != mutants.READ or not mutant.is_cut


def test_it_knows_the_full_word() -> None:
    file = C3DFile(np.ones((1, WORD_IS_FULL)), is_float=False, per_frame=1)
    assert type(error_of(file.encoded()[:-1])) is c3d.TruncatedC3D
