import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
RUN = """
import os, sys
from functools import partial
from omibackend.core.supervisor import Child, Supervisor
lines = enumerate(sys.argv[2:])
children = [Child(f"c{n}", partial(os.execvp, "sh", ["sh", "-c", line])) for n, line in lines]
sys.exit(Supervisor(children, stop_grace_s=float(sys.argv[1])).run())
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def up() -> Iterator[Run]:
    started: list[subprocess.Popen[str]] = []

    def run(
        *lines: str, stdout: int = subprocess.PIPE, grace_s: float = 0.5
    ) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", RUN, str(grace_s), *lines]
        started.append(subprocess.Popen(argv, cwd=CHECKOUT, stdout=stdout, text=True))
        return started[-1]

    yield run
    for process in started:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().rstrip()


def pid_in(text: str) -> int:
    return int(text.split()[-1])


def gone(pid: int, *, within_s: float = 3.0) -> bool:
    """Dead, or a zombie that nobody has collected yet."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_it_names_the_source_of_each_line_and_adds_no_colour_to_a_file(up: Run) -> None:
    process = up("trap 'printf two; exit' TERM; echo one; while :; do sleep 0.01; done")
    assert line(process) == "c0 | one"
    process.terminate()
    assert "c0 | two" in process.communicate()[0]


def test_it_restarts_a_child_that_died_ever_more_slowly(up: Run) -> None:
    began = time.monotonic()
    process = up("echo here; exit 3")
    assert [line(process) for _ in range(5)] == [
        "c0 | here",
        "c0 | ended with 3, starting again in 1 s",
        "c0 | here",
        "c0 | ended with 3, starting again in 2 s",
        "c0 | here",
    ]
    assert time.monotonic() - began >= 3


def test_it_leaves_the_others_alone_when_one_cannot_start(up: Run) -> None:
    process = up("exec /nonexistent 2>/dev/null", "echo pid $$; exec sleep 9")
    said = [line(process), line(process)]
    pid = next(pid_in(text) for text in said if "pid" in text)
    assert any("ended with 127" in text for text in said)
    assert not gone(pid, within_s=0.2)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_all_and_ends_with_0(up: Run, signum: signal.Signals) -> None:
    process = up("echo pid $$; exec sleep 9", "echo pid $$; exec sleep 9")
    pids = [pid_in(line(process)), pid_in(line(process))]
    while process.poll() is None:
        process.send_signal(signum)
        time.sleep(0.001)
    process.communicate()
    assert process.returncode == 0
    assert all(gone(pid, within_s=3) for pid in pids)


def test_it_lets_a_child_finish_within_the_grace(up: Run) -> None:
    process = up(
        "trap 'sleep 0.2; echo finished; exit' TERM; echo up; while :; do sleep 0.01; done"
    )
    line(process)
    process.terminate()
    assert "c0 | finished" in process.communicate()[0]


def test_it_waits_no_longer_when_it_is_asked_again(up: Run) -> None:
    process = up("trap '' TERM; echo up; while :; do sleep 60; done", grace_s=60)
    line(process)
    process.terminate()
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == 0


def test_it_kills_the_whole_group_of_a_child_that_will_not_go(up: Run) -> None:
    process = up("trap '' TERM; sleep 60 & echo pid $!; while :; do sleep 60; done")
    pid = pid_in(line(process))
    process.terminate()
    process.communicate()
    assert process.returncode == 0
    assert gone(pid, within_s=3)


def test_it_sends_the_first_signal_to_the_leader_only(up: Run) -> None:
    process = up("trap 'echo leader; exit' TERM; sh -c 'trap \"echo both\" TERM; sleep 1'; wait")
    time.sleep(0.2)
    process.terminate()
    assert "both" not in process.communicate()[0]


def test_it_ends_the_children_when_it_is_killed(up: Run) -> None:
    process = up("echo pid $$; exec sleep 60")
    pid = pid_in(line(process))
    process.kill()
    assert gone(pid)


def test_it_stops_when_nobody_reads_any_more(up: Run) -> None:
    reader, writer = os.pipe()
    process = up("while :; do echo x; sleep 0.01; done", stdout=writer)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    assert process.wait(timeout=5) == 0


def test_it_uses_no_processor_time_while_nothing_happens(up: Run) -> None:
    process = up("echo up; exec sleep 60")
    line(process)
    stat = Path(f"/proc/{process.pid}/stat")
    before = stat.read_text().split()[13:15]
    time.sleep(0.5)
    assert stat.read_text().split()[13:15] == before
