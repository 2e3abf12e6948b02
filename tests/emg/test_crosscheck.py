"""ezc3d in its own process, on files of our own; and where it is known to be wrong."""

import io
from pathlib import Path

import numpy as np
import pytest

from emg import c3d
from emg.c3d.writing import encode
from emg.crosscheck import reading
from emg.crosscheck.reading import CrosscheckFailed, Failure, Limits, read_with_ezc3d
from tests.emg.agreement import disagreement, needs_ezc3d
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


@needs_ezc3d
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


@needs_ezc3d
def test_it_tells_of_another_number_of_samples(tmp_path: Path) -> None:
    theirs = read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES[:2])), limits=LIMITS)
    said = disagreement(metadata_of(C3DFile(SAMPLES)), theirs)
    assert said == "ezc3d reads 2 x 200 samples, this reader 3 x 200."


@needs_ezc3d
def test_it_tells_of_another_rate(tmp_path: Path) -> None:
    theirs = read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES)), limits=LIMITS)
    ours = metadata_of(C3DFile(SAMPLES, point_rate_hz=50.0))
    assert disagreement(ours, theirs) == "ezc3d says 1000 Hz, this reader 500."


@needs_ezc3d
@pytest.mark.parametrize(
    "file",
    [
        C3DFile(SAMPLES, processor=MIPS),
        C3DFile(SAMPLES, parameters={"POINT:FRAMES": 20.0}),
    ],
    ids=["MIPS", "a count that is a float"],
)
def test_it_says_that_ezc3d_refuses(tmp_path: Path, file: C3DFile) -> None:
    with pytest.raises(CrosscheckFailed) as caught:
        read_with_ezc3d(written(tmp_path, file), limits=LIMITS)
    assert caught.value.failure is Failure.REFUSED


@needs_ezc3d
@pytest.mark.parametrize(
    ("limits", "failure"),
    [
        (Limits(memory_bytes=512 << 20, answer_bytes=100), Failure.TOO_MUCH),
        (Limits(memory_bytes=512 << 20, wall_s=0), Failure.TIMED_OUT),
    ],
    ids=["samples", "time"],
)
def test_it_keeps_to_its_limits(tmp_path: Path, limits: Limits, failure: Failure) -> None:
    with pytest.raises(CrosscheckFailed) as caught:
        read_with_ezc3d(written(tmp_path, C3DFile(SAMPLES)), limits=limits)
    assert caught.value.failure is failure


@needs_ezc3d
def test_it_reads_what_is_written_for_the_demo(tmp_path: Path) -> None:
    path = tmp_path / "demo.c3d"
    samples = np.random.default_rng(1).normal(0, 1e-5, (2, 1000))
    path.write_bytes(encode(samples, ["CH1", "Ü 2"], unit="V", rate_hz=1000, point_rate_hz=100))
    theirs = read_with_ezc3d(path, limits=LIMITS)
    with path.open("rb") as source:
        metadata = c3d.read_metadata(source, size_bytes=path.stat().st_size)
    assert disagreement(metadata, theirs) is None
    assert (metadata.channel_names, metadata.units) == (("CH1", "Ü 2"), ("V", "V"))
    np.testing.assert_array_equal(theirs.samples, samples.astype(np.float32))


ABSENT = """
import runpy, sys
sys.modules["ezc3d"] = None
runpy.run_path({path!r}, run_name="__main__")
"""


def test_it_says_that_ezc3d_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child.py"
    child.write_text(ABSENT.format(path=str(reading.CHILD)))
    monkeypatch.setattr(reading, "CHILD", child)
    assert reading.second_opinion(child) == Failure.ABSENT.value


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
    child.write_text(CONFINED.format(path=str(reading.CHILD)) + harm)
    monkeypatch.setattr(reading, "CHILD", child)
    with pytest.raises(CrosscheckFailed) as caught:
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
    monkeypatch.setattr(reading, "CHILD", child)
    monkeypatch.setattr(reading, "CLOSES_WITHIN_S", 0.2)
    with pytest.raises(CrosscheckFailed) as caught:
        read_with_ezc3d(child, limits=Limits(memory_bytes=1 << 30, answer_bytes=1000))
    assert caught.value.failure is failure


@pytest.mark.parametrize(("size_mb", "memory_mb"), [(0, 512), (48, 960), (104, 2080), (5000, 4096)])
def test_it_gives_memory_by_the_size_of_the_file(size_mb: int, memory_mb: int) -> None:
    assert Limits.for_file(size_mb << 20).memory_bytes == memory_mb << 20
