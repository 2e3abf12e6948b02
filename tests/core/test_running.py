"""One `up` for a VAR_DIR: real processes, one of them killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as configured
from pytest_django import Settings

from omibackend.core import running

HOLD = """
import os, sys, time
from omibackend.core import running
print(running.claim(), flush=True)
if "with a child" in sys.argv and not os.fork():
    time.sleep(1.5)
    os._exit(0)
sys.stdin.read()
"""
Hold = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def hold(tmp_path: Path, settings: Settings) -> Iterator[Hold]:
    settings.VAR_DIR = tmp_path
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        env = {"VAR_DIR": str(tmp_path), "PORT": "8765", "PYTHONPATH": "."}
        env["DJANGO_SETTINGS_MODULE"] = "omibackend.settings"
        argv = [sys.executable, "-c", HOLD, *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            argv, cwd=configured.BASE_DIR, env=env, stdin=pipe, stdout=pipe, text=True
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "None\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_names_the_one_that_runs(hold: Hold) -> None:
    first = hold()
    assert running.claim() == running.Running(first.pid, "http://127.0.0.1:8765")


def test_it_is_free_again_after_a_kill(hold: Hold) -> None:
    hold().kill()
    assert hold().poll() is None


def test_it_waits_for_the_processes_of_one_that_was_killed(hold: Hold) -> None:
    hold("with a child").kill()
    assert hold().poll() is None


def test_it_tells_where_the_running_one_answers(hold: Hold, settings: Settings) -> None:
    assert running.public_url() == settings.PUBLIC_URL
    first = hold()
    assert running.public_url() == "http://127.0.0.1:8765"
    first.kill()
    first.wait()
    assert running.public_url() == settings.PUBLIC_URL
