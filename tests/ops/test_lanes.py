"""`manage.py lanes` with real processes: jobs that hang, grow and crash."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from django.conf import settings
from redis import Redis
from rq import Queue
from rq.job import Job

RUN = """
import sys, django
django.setup()
from omibackend.ops import forks, lanes
from omibackend.core.supervisor import Child
lanes.STUCK_S = 1
lane = sys.argv[1]
forks.load()
sys.exit(forks.run([Child(lane, lambda: lanes.work([lane]))]))
"""
WITHIN_S = 180.0
Lane = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def run(redis: Redis) -> Iterator[Lane]:
    started: list[subprocess.Popen[bytes]] = []

    def start(lane: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", RUN, lane]
        env = {**os.environ, "REDIS_URL": settings.REDIS_URL, "LOG_LEVEL": "CRITICAL"}
        started.append(subprocess.Popen(argv, cwd=settings.BASE_DIR, env=env))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        assert process.wait(WITHIN_S) == 0


def asked(redis: Redis, name: str, lane: str = "ai", timeout_s: int = 30) -> Job:
    return Queue(lane, connection=redis).enqueue(
        f"tests.ops.lane_jobs.{name}", job_timeout=timeout_s
    )


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pid_of_a_job(redis: Redis, lane: str = "ai") -> int:
    job = asked(redis, "nothing", lane)
    until(lambda: job.get_status() == "finished")
    pid = job.return_value()
    assert isinstance(pid, int)
    return pid


def test_it_does_the_jobs_of_a_lane_in_one_process(run: Lane, redis: Redis) -> None:
    run("ai")
    assert pid_of_a_job(redis) == pid_of_a_job(redis)


def test_it_does_each_recording_in_a_process_of_its_own(run: Lane, redis: Redis) -> None:
    run("emg")
    assert pid_of_a_job(redis, "emg") != pid_of_a_job(redis, "emg")


@pytest.mark.parametrize("harm", ["crash", "hang_in_c", "grow"])
def test_it_goes_on_in_a_new_process(run: Lane, redis: Redis, harm: str) -> None:
    run("ai")
    before = pid_of_a_job(redis)
    asked(redis, harm, timeout_s=1)
    assert pid_of_a_job(redis) != before


def test_it_ends_a_job_that_takes_too_long(run: Lane, redis: Redis) -> None:
    run("ai")
    before = pid_of_a_job(redis)
    hanging = asked(redis, "hang_in_python", timeout_s=1)
    assert pid_of_a_job(redis) == before
    assert hanging.get_status() == "failed"


def test_it_finishes_a_job_before_it_stops(run: Lane, redis: Redis) -> None:
    process = run("ai")
    job = asked(redis, "last_long")
    until(lambda: job.get_status() == "started")
    process.terminate()
    assert process.wait(WITHIN_S) == 0
    assert job.return_value() == "finished"


def test_it_takes_its_processes_along_when_it_is_killed(run: Lane, redis: Redis) -> None:
    process = run("emg")
    job = asked(redis, "hang_in_python", "emg")
    until(lambda: job.get_status() == "started")
    below = psutil.Process(process.pid).children(recursive=True)
    assert len(below) == 2
    below[0].send_signal(signal.SIGKILL)
    until(lambda: not below[1].is_running())
