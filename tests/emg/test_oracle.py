"""ezc3d in its own process, on files of our own; and where it is known to be wrong."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from emg import c3d, demo, oracle
from emg.oracle import Failure, Limits, OracleFailed, read_with_ezc3d
from tests.emg.agreement import disagreement
from tests.emg.c3d_files import DEC, INTEL, MIPS, C3DFile

SAMPLES = np.arange(-300, 300).reshape(3, 200)
LIMITS = Limits.for_file(0)


def metadata_of(file: C3DFile) -> c3d.Metadata:
    encoded = file.encoded()
    return c3d.read_metadata(io.BytesIO(encoded), size_bytes=len(encoded))


def written(folder: Path, file: C3DFile) -> Path:
    path = folder / "Größe 1.c3d"
    path.write_bytes(file.encoded())
    return path


@pytest.mark.parametrize("processor", [INTEL, DEC], ids=["Intel", "DEC"])
@pytest.mark.parametrize("is_float", [False, True])
def test_it_reads_the_same(tmp_path: Path, processor: int, is_float: bool) -> None:
    told = {"ANALOG:SCALE": [1.0, 2.0, -0.25], "ANALOG:OFFSET": [0, 2048, 7]}
    file = C3DFile(SAMPLES, processor=processor, is_float=is_float, point_count=2, parameters=told)
    path = written(tmp_path, file)
    theirs = read_with_ezc3d(path, limits=LIMITS)
    with path.open("rb") as source:
        ours = [c3d.read_channel(source, metadata_of(file), number) for number in range(3)]
    assert disagreement(metadata_of(file), theirs) is None
    assert theirs.channel_names == ("EMG1", "EMG2", "EMG3")
    np.testing.assert_array_equal(theirs.samples, ours)


def test_it_reads_the_recording_of_the_demo(tmp_path: Path) -> None:
    demo.write_recording(tmp_path / "demo.c3d")
    theirs = read_with_ezc3d(tmp_path / "demo.c3d", limits=oracle.SECOND_OPINION)
    assert theirs.channel_names == tuple(demo.SIDES)
    assert (theirs.sampling_rate_hz, theirs.samples.shape) == (1000.0, (2, 84_000))


def test_it_says_so_where_ezc3d_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ezc3d", None)
    assert "is not there for this platform" in oracle.second_opinion(tmp_path / "any.c3d")


def test_it_tells_of_another_number_of_samples(tmp_path: Path) -> None:
    theirs = read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES[:2])), limits=LIMITS)
    said = disagreement(metadata_of(C3DFile(SAMPLES)), theirs)
    assert said == "ezc3d reads 2 x 200 samples, this reader 3 x 200."


def test_it_tells_of_another_rate(tmp_path: Path) -> None:
    theirs = read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES)), limits=LIMITS)
    ours = metadata_of(C3DFile(SAMPLES, point_rate_hz=50.0))
    assert disagreement(ours, theirs) == "ezc3d says 1000 Hz, this reader 500."


@pytest.mark.parametrize(
    "file",
    [
        C3DFile(SAMPLES, processor=MIPS),
        C3DFile(SAMPLES, parameters={"POINT:FRAMES": 20.0}),
    ],
    ids=["MIPS", "a count that is a float"],
)
def test_it_says_that_ezc3d_refuses(tmp_path: Path, file: C3DFile) -> None:
    with pytest.raises(OracleFailed) as caught:
        read_with_ezc3d(written(tmp_path, file), limits=LIMITS)
    assert caught.value.failure is Failure.REFUSED


@pytest.mark.parametrize(
    ("limits", "failure"),
    [
        (Limits(memory_bytes=512 << 20, answer_bytes=100), Failure.TOO_MUCH),
        (Limits(memory_bytes=512 << 20, wall_s=0), Failure.TIMED_OUT),
    ],
    ids=["samples", "time"],
)
def test_it_keeps_to_its_limits(tmp_path: Path, limits: Limits, failure: Failure) -> None:
    with pytest.raises(OracleFailed) as caught:
        read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES)), limits=limits)
    assert caught.value.failure is failure


CONFINED = """
import json, runpy, sys
found = runpy.run_path({path!r})
found["confine"](json.loads(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("harm", "failure"),
    [
        ("while True: pass", Failure.TIMED_OUT),
        ("bytearray(1 << 30)", Failure.REFUSED),
        ("files = [open('/dev/null') for _ in range(99)]", Failure.REFUSED),
    ],
)
def test_it_confines_its_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, failure: Failure
) -> None:
    child = tmp_path / "child.py"
    child.write_text(CONFINED.format(path=str(oracle.CHILD)) + harm)
    monkeypatch.setattr(oracle, "CHILD", child)
    with pytest.raises(OracleFailed) as caught:
        read_with_ezc3d(child, limits=Limits(memory_bytes=512 << 20, cpu_s=1))
    assert caught.value.failure is failure


@pytest.mark.parametrize(
    ("program", "failure"),
    [
        ("import os; os.kill(os.getpid(), 11)", Failure.CRASHED),
        ("import os; os.close(1); import time; time.sleep(60)", Failure.TIMED_OUT),
        ("while True: print('x' * 9999)", Failure.TOO_MUCH),
    ],
    ids=["crashes", "hangs after its answer", "never stops talking"],
)
def test_it_survives_its_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, failure: Failure
) -> None:
    child = tmp_path / "child.py"
    child.write_text(program)
    monkeypatch.setattr(oracle, "CHILD", child)
    monkeypatch.setattr(oracle, "CLOSES_WITHIN_S", 0.2)
    with pytest.raises(OracleFailed) as caught:
        read_with_ezc3d(child, limits=Limits(memory_bytes=1 << 30, answer_bytes=1000))
    assert caught.value.failure is failure


@pytest.mark.parametrize(("size_mb", "memory_mb"), [(0, 512), (48, 960), (104, 2080), (5000, 4096)])
def test_it_gives_memory_by_the_size_of_the_file(size_mb: int, memory_mb: int) -> None:
    assert Limits.for_file(size_mb << 20).memory_bytes == memory_mb << 20
