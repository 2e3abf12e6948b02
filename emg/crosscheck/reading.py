"""ezc3d as a second opinion, in a process of its own.

ezc3d 1.7 crashes, hangs and eats memory on some spoiled files, which no `except` contains. No
process of the service imports it, and all but a second opinion works without it.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from emg.crosscheck import child

CHILD = Path(child.__file__)
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")
PIECE_BYTES = 1 << 20
CLOSES_WITHIN_S = 5


class Failure(Enum):
    REFUSED = "ezc3d refuses the file."
    CRASHED = "ezc3d crashed on the file."
    TIMED_OUT = "ezc3d did not come to an end with the file in time."
    OUT_OF_MEMORY = "ezc3d needs more memory for the file than it may have."
    TOO_MUCH = "The file holds more samples than are taken from ezc3d."
    ABSENT = "There is no second opinion: ezc3d is not installed here."


class CrosscheckFailed(Exception):
    """No second opinion; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.value)
        self.failure = failure


@dataclass(frozen=True)
class Limits:
    """What the child process may use. An answer is eight bytes for each sample."""

    memory_bytes: int
    cpu_s: int = 20
    wall_s: int = 30
    answer_bytes: int = 1 << 30

    @classmethod
    def for_file(cls, size_bytes: int) -> "Limits":
        """ezc3d needs about seven times a file's size: 20 times, between 512 MiB and 4 GiB."""
        return cls(memory_bytes=min(max(20 * size_bytes, 512 << 20), 4 << 30))


SECOND_OPINION = Limits(memory_bytes=1 << 30, cpu_s=10, wall_s=10, answer_bytes=256 << 20)


@dataclass(frozen=True)
class Reading:
    """What ezc3d makes of a file; `samples` are physical values, shape (channels, samples)."""

    channel_names: tuple[str, ...]
    sampling_rate_hz: float
    frame_count: int
    samples: NDArray[np.float64]


def read_with_ezc3d(path: Path, *, limits: Limits) -> Reading:
    """All samples of a file, as ezc3d reads them.

    ezc3d is not always right: it drops what is beyond 65,535 frames, misplaces samples where
    ANALOG:RATE over POINT:RATE comes out just below a whole number, takes negative offsets for
    positive ones, and returns a cut file as a shorter one. Raises CrosscheckFailed if it refused
    the file, crashed, hung, needed more than `limits`, or is not installed.
    """
    arguments = [str(path.resolve()), json.dumps(asdict(limits))]
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-I", str(CHILD), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
        env={**environment, "OPENBLAS_NUM_THREADS": "1"},
        start_new_session=True,
    ) as child:
        try:
            answer = _answer(child, limits)
            child.wait(CLOSES_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise CrosscheckFailed(Failure.TIMED_OUT) from None
        finally:
            child.kill()
    if failure := _failure(child.returncode):
        raise CrosscheckFailed(failure)
    return _reading(answer)


def second_opinion(path: Path) -> str:
    """One sentence for whoever wonders whether a file is broken or only this reader refuses it.

    Never taken for the file's content: ezc3d returns a cut file as a shorter one.
    """
    try:
        theirs = read_with_ezc3d(path, limits=SECOND_OPINION)
    except CrosscheckFailed as failed:
        return failed.failure.value
    channels, samples = theirs.samples.shape
    return f"ezc3d finds {samples:,} samples of {channels} channels in it: do not trust them."


def _answer(child: "subprocess.Popen[bytes]", limits: Limits) -> bytearray:
    deadline = time.monotonic() + limits.wall_s
    pipe = cast("IO[bytes]", child.stdout)
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            piece = os.read(pipe.fileno(), PIECE_BYTES)
            if not piece:
                return answer
            answer += piece
            if len(answer) > limits.answer_bytes + PIECE_BYTES:
                raise CrosscheckFailed(Failure.TOO_MUCH)
    raise CrosscheckFailed(Failure.TIMED_OUT)


def _failure(returncode: int) -> Failure | None:
    known = {
        0: None,
        child.REFUSED: Failure.REFUSED,
        child.OUT_OF_MEMORY: Failure.OUT_OF_MEMORY,
        child.TOO_MUCH: Failure.TOO_MUCH,
        child.ABSENT: Failure.ABSENT,
        -signal.SIGXCPU: Failure.TIMED_OUT,
    }
    return known.get(returncode, Failure.CRASHED if returncode < 0 else Failure.REFUSED)


def _reading(answer: bytearray) -> Reading:
    line_bytes = answer.index(b"\n") + 1
    head: dict[str, Any] = json.loads(answer[:line_bytes])
    return Reading(
        channel_names=tuple(head["channel_names"]),
        sampling_rate_hz=head["sampling_rate_hz"],
        frame_count=head["frame_count"],
        samples=np.frombuffer(answer, "<f8", offset=line_bytes).reshape(head["shape"]),
    )
