"""`manage.py up` as its user has it: a process of its own, signals, and what is left after it."""

import os
import re
import shlex
import shutil
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

namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs namespaces of its own"
)
STARTED_WITHIN_S = 90.0
STOPPED_WITHIN_S = 60.0


class Up:
    def __init__(self, var: Path, *before: str) -> None:
        """`before`: a program that starts it, such as nohup."""
        self.var = var
        self.port = free_port()
        self.log = var.parent / "up.log"
        own = {"VAR_DIR": str(var), "PORT": str(self.port), "QUEUE_MAX_CONCURRENT_JOBS": "3"}
        dropped = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}
        env = {name: value for name, value in os.environ.items() if name not in dropped}
        self.env = {**env, **own}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "manage.py", "up"],
                cwd=settings.BASE_DIR,
                env=self.env,
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

    def pid(self) -> int:
        """As its first line tells it, which is also how to stop it."""
        first = self.said("\n").splitlines()[0]
        assert re.fullmatch(r"omibackend \S+ starts as pid (\d+)\. To stop it: .*kill \1", first)
        return int(first.split()[-1])

    def stopped(self) -> bool:
        self.process.wait(STOPPED_WITHIN_S)
        return self.processes() == []

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
    login = httpx.get(f"http://127.0.0.1:{up.port}/admin/login/").text
    for path in re.findall(r'href="(/static/[^"]+\.css)"', login):
        assert httpx.get(f"http://127.0.0.1:{up.port}{path}").status_code == 200
    assert "/static/" in login
    assert "Warning" not in text
    assert len(up.processes()) > 5
    assert up.pid() == up.process.pid
    assert '"event"' not in text  # of its own look whether it is ready
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


def test_it_runs_once_for_a_folder_and_tells_where(up: Up) -> None:
    up.said("Ctrl-C stops everything.")
    second = Up(up.var)
    assert second.process.wait(STARTED_WITHIN_S) == 1
    where = f"http://127.0.0.1:{up.port}"
    assert f"It runs already: {where}, pid {up.process.pid}." in second.log.read_text()
    argv = [sys.executable, "manage.py", "create_endpoint", "omi"]
    env = {**up.env, "PORT": "9"}
    made = subprocess.run(
        argv, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, check=True
    )
    assert f"{where}/webhooks/omi/" in made.stdout


def test_it_starts_in_the_background_of_a_script(tmp_path: Path) -> None:
    """Which has SIGINT ignored."""
    up = Up(tmp_path / "var", "sh", "-c", '"$@" & wait', "sh")
    pid = up.pid()
    assert "Ctrl-C" not in up.said("\n").splitlines()[0]
    up.said("is up:")
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    assert up.stopped()


def test_it_outlives_the_terminal_under_nohup(tmp_path: Path) -> None:
    up = Up(tmp_path / "var", "nohup")
    up.said("is up:")
    up.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert up.process.poll() is None
    up.process.terminate()
    assert up.stopped()


@namespaces
def test_it_is_the_first_process_of_a_container(tmp_path: Path) -> None:
    up = Up(tmp_path / "var", "unshare", "--pid", "--fork", "--mount-proc")
    assert up.pid() == 1
    [inside] = psutil.Process(up.process.pid).children()
    subprocess.run(
        ["nsenter", "-t", str(inside.pid), "-p", "-m", "sh", "-c", "sleep 0.1 & exit"], check=True
    )
    up.said("is up:")
    assert all(child.status() != psutil.STATUS_ZOMBIE for child in inside.children())
    inside.terminate()
    assert up.stopped()


@namespaces
def test_it_stops_while_it_prepares_as_the_first_process(tmp_path: Path) -> None:
    up = Up(tmp_path / "var", "unshare", "--pid", "--fork", "--mount-proc")
    up.pid()
    [inside] = psutil.Process(up.process.pid).children()
    inside.terminate()
    assert up.stopped()
