"""`manage.py up` as its user has it: a process of its own, signals, and what is left after it."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from django.conf import settings

from bench.stack import free_port

STARTED_WITHIN_S = 90.0
STOPPED_WITHIN_S = 60.0


class Up:
    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = free_port()
        self.log = var.parent / "up.log"
        own = {"VAR_DIR": str(var), "PORT": str(self.port), "QUEUE_MAX_CONCURRENT_JOBS": "3"}
        dropped = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        env = {name: value for name, value in os.environ.items() if name not in dropped}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env={**env, **own},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self, wanted: str) -> str:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < deadline and self.process.poll() is None:
            text = self.log.read_text()
            if wanted in text:
                return text
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-2000:])

    def processes(self) -> list[psutil.Process]:
        """What runs for it: its children, and the engines below its folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
            about = f"{process.info['cmdline']} {process.info['cwd']} {process.info['environ']}"
            if str(self.var) in about and process.pid != os.getpid():
                found.append(process)
        return found


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "var é")
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(STOPPED_WITHIN_S)


def test_it_runs_everything_and_leaves_nothing(up: Up) -> None:
    text = up.said("Ctrl-C stops everything.")
    assert re.search(r"password +\S{16,}", text)
    command = next(line.strip() for line in text.splitlines() if line.strip().startswith("curl"))
    answer = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert "message" in answer.stdout
    health = httpx.get(f"http://127.0.0.1:{up.port}/health").json()
    assert health["status"] in ("ok", "degraded")  # the workers register a moment later
    assert len(up.processes()) > 5
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(STOPPED_WITHIN_S) == 0
    assert up.processes() == []


def test_it_stops_at_once_while_it_starts(up: Up) -> None:
    time.sleep(1)
    up.process.terminate()
    assert up.process.wait(STOPPED_WITHIN_S) != 0
    assert up.processes() == []


def test_it_starts_again_after_a_kill(up: Up) -> None:
    up.said("Ctrl-C stops everything.")
    up.process.kill()
    up.process.wait()
    deadline = time.monotonic() + STOPPED_WITHIN_S
    while up.processes() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert up.processes() == []
    again = Up(up.var)
    try:
        assert "password" not in again.said("is up:")
    finally:
        again.process.terminate()
        assert again.process.wait(STOPPED_WITHIN_S) == 0
