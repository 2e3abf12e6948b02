"""The processes of an installation: started, watched, killed with all that they started."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# As `manage.py up` does it: a process that dies starts again, a little later each time.
FIRST_RESTART_S = 1.0
SLOWEST_RESTART_S = 10.0
STEADY_S = 30.0
WATCH_S = 0.05
STOP_S = 8.0


@dataclass(frozen=True)
class Death:
    """How a process ended that nobody had asked to end."""

    name: str
    code: int
    by_us: bool


class Child:
    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.name, self.argv, self.env, self.log = name, argv, env, log
        self.delay_s = FIRST_RESTART_S
        self.due_at = 0.0
        self.killed_by_us = False
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.killed_by_us = False

    def tree(self) -> list[int]:
        """The process and what it started, the youngest first."""
        return [*descendants(self.process.pid), self.process.pid]

    def kill_tree(self) -> None:
        self.killed_by_us = True
        for pid in self.tree():
            send(pid, signal.SIGKILL)


class Keeper:
    """Starts again what dies, and remembers each death."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = list(children)
        self.deaths: list[Death] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        waiting: set[Child] = set()
        while not self._stopping.wait(WATCH_S):
            now = time.monotonic()
            for child in self.children:
                if child in waiting:
                    if now >= child.due_at:
                        child.start()
                        waiting.discard(child)
                elif child.process.poll() is not None:
                    self._bury(child, now)
                    waiting.add(child)

    def _bury(self, child: Child, now: float) -> None:
        self.deaths.append(Death(child.name, child.process.returncode, child.killed_by_us))
        if now - child.started_at > STEADY_S:
            child.delay_s = FIRST_RESTART_S
        child.due_at = now + child.delay_s
        child.delay_s = min(child.delay_s * 2, SLOWEST_RESTART_S)

    def stop(self) -> None:
        """First the watching, then the processes: politely, twice, and by force."""
        self._stopping.set()
        self._thread.join()
        for _ in range(2):  # RQ takes the second signal as "drop the job"
            for child in self.children:
                send(child.process.pid, signal.SIGCONT)
                send(child.process.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_S / 2
            while time.monotonic() < deadline and self._running():
                time.sleep(WATCH_S)
        for child in self._running():
            child.kill_tree()
            child.process.wait()

    def _running(self) -> list[Child]:
        return [child for child in self.children if child.process.poll() is None]


def send(pid: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signum)


def descendants(pid: int) -> list[int]:
    """What a process started and what that started, the youngest first."""
    parents: dict[int, list[int]] = {}
    for found, parent in _all_processes():
        parents.setdefault(parent, []).append(found)
    below: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in parents.get(parent, [])]
        below = level + below
    return below


def _all_processes() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    yield int(folder.name), int(parent)


def with_environment(entry: str) -> list[int]:
    """The processes that were started with this NAME=value; forks have it too."""
    wanted = entry.encode()
    found = []
    for pid, _ in _all_processes():
        with suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found
