"""Runs wrk, the load generator, and reads what it measured."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MISSING = """\
The benchmark needs wrk, a small HTTP load generator:
    apt-get install wrk      (Debian, Ubuntu)
    brew install wrk         (macOS)
"""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw. A benchmark counts only if all answers were 2xx."""

    requests: int
    duration_us: int
    p50_us: float
    p99_us: float
    not_2xx: int
    broken: int

    @property
    def per_s(self) -> float:
        return self.requests / self.duration_us * 1e6

    @property
    def clean(self) -> bool:
        return not self.not_2xx and not self.broken and self.requests > 0


def require() -> None:
    if shutil.which("wrk") is None:
        sys.exit(MISSING)


def version() -> str:
    done = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    return " ".join((done.stdout + done.stderr).split()[:2])


def run(url: str, script: str, *arguments: str, connections: int, seconds: float) -> Load:
    """One thread of wrk: with 16 connections it still idles most of the time."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as joined:
        joined.write((FOLDER / script).read_text() + (FOLDER / "summary.lua").read_text())
        joined.flush()
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout", "10s"]
        done = subprocess.run(
            [*argv, "-s", joined.name, url, "--", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return Load(**json.loads(line.removeprefix("RESULT ")))
    raise RuntimeError(f"wrk failed: {(done.stdout + done.stderr).strip()[-500:]}")
