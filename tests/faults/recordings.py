"""Spoiled C3D files, read by a process that may use no more than a worker."""

import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from emg.crosscheck.reading import CrosscheckFailed, Limits, read_with_ezc3d
from tests.emg.mutants import READ, outcome, spoiled
from tests.faults.ledger import Finding

MUTANTS = 2000
WITHIN_S = 30
MEMORY_BYTES = 1 << 30
EZC3D_READS_EACH = 10
EZC3D_LIMITS = Limits(memory_bytes=MEMORY_BYTES, cpu_s=3, wall_s=8)


def spoiled_files(_: None, scale: float) -> Finding:
    """Every mutant is read whole or refused with a reason; none that is cut is read."""
    count, seed = max(round(MUTANTS * scale), 50), random.SystemRandom().randrange(1 << 32)
    finding = Finding(figures={"seed": seed, "files": count})
    child = subprocess.run(
        [sys.executable, "-m", "tests.faults.recordings", str(count), str(seed)],
        stdout=subprocess.PIPE,
        check=False,
    )
    read = [json.loads(line) for line in child.stdout.splitlines()]
    finding.zero(reader_deaths=int(child.returncode != 0))
    finding.equal(to=count, answered=len(read))
    finding.some(read=sum(file["said"] == READ for file in read))
    finding.some(refused=sum(file["said"] != READ for file in read))
    finding.some(cut=sum(file["cut"] for file in read))
    finding.zero(cut_but_read=sum(file["cut"] and file["said"] == READ for file in read))
    finding.figures["slowest ms"] = round(max((file["ms"] for file in read), default=0.0))
    _second_opinions(finding, count, seed)
    return finding


def _second_opinions(finding: Finding, count: int, seed: int) -> None:
    """ezc3d dies of some of them; whoever asks it does not."""
    ends: Counter[str] = Counter()
    slowest_s = 0.0
    with tempfile.NamedTemporaryFile(suffix=".c3d") as file:
        for mutant in list(spoiled(count, seed=seed))[::EZC3D_READS_EACH]:
            Path(file.name).write_bytes(mutant.encoded)
            began_at = time.monotonic()
            ends[_second_opinion(Path(file.name))] += 1
            slowest_s = max(slowest_s, time.monotonic() - began_at)
    finding.figures["ezc3d"] = dict(ends)
    finding.holds(f"ezc3d ends within {WITHIN_S} s", true=slowest_s < WITHIN_S)


def _second_opinion(path: Path) -> str:
    try:
        read_with_ezc3d(path, limits=EZC3D_LIMITS)
    except CrosscheckFailed as failed:
        return failed.failure.name.lower()
    return "read"


def _read_all(count: int, seed: int) -> None:
    """Dies of what takes too long, of what takes too much memory, and of any unknown error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for mutant in spoiled(count, seed=seed):
        signal.alarm(WITHIN_S)
        began_at = time.perf_counter()
        said = outcome(mutant.encoded)
        ms = (time.perf_counter() - began_at) * 1000
        answer: dict[str, Any] = {"said": said, "cut": mutant.is_cut, "ms": ms}
        sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    _read_all(int(sys.argv[1]), int(sys.argv[2]))
