"""PostgreSQL and Redis on this machine, for as long as any process needs them.

What DATABASE_URL or REDIS_URL leaves open is started below VAR_DIR, and its URL exported.

Each process holds `users.lock` shared for its life; `gate.lock` is held only while engines start or
stop. The kernel drops both, after kill -9 too, so a process that gets `users.lock` exclusively on
its way out is the last one and stops the engines.

Each engine inherits a lock of its own. It is free exactly when no process of that engine is left,
which a pid file cannot tell: it goes stale, and after a reboot its pid may be somebody else's.
"""

import atexit
import fcntl
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import environ

from .home import EngineError, find_home, locked, open_lock
from .servers import Engine, Postgres, Redis

__all__ = ["EngineError", "boot", "leave", "rejoin"]

PROJECT = Path(__file__).resolve().parent.parent.parent
ENGINES: tuple[type[Engine], ...] = (Postgres, Redis)

_stays: list["Stay"] = []


def boot() -> None:
    """Have DATABASE_URL and REDIS_URL set, by starting what they leave open or joining it."""
    environ.Env.read_env(PROJECT / ".env")
    missing = [engine for engine in ENGINES if not os.environ.get(engine.variable)]
    if not missing:
        return
    try:
        stay = Stay(_var(), missing)
        _on_termination(stay)
        stay.enter()
        _stays.append(stay)
    except OSError as error:
        names = " and ".join(engine.variable for engine in missing)
        raise EngineError(f"{error} (setting {names} avoids the embedded engines)") from error


def rejoin() -> None:
    """In a fork that works on by itself: a share of its own, in engines that run."""
    for stay in _stays:
        _on_termination(stay)
        stay.rejoin()


def leave() -> None:
    """What a process that ends by `_exit` says before it does."""
    for stay in _stays:
        stay.leave()


class _AskedToEnd(BaseException):
    """By a signal, while the engines start."""


class Stay:
    """This process's share in the engines, from boot to exit."""

    def __init__(self, var: Path, engines: Sequence[type[Engine]]) -> None:
        self.var = var
        self.engines = engines
        self.starting = False
        self._open()

    def _open(self) -> None:
        self.pid = os.getpid()
        self.gate = open_lock(self.var / "gate.lock")
        self.users = open_lock(self.var / "users.lock")

    def rejoin(self) -> None:
        inherited = (self.users, self.gate)
        self._open()
        self.enter()
        for lock in inherited:
            os.close(lock)

    def enter(self) -> None:
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        fcntl.flock(self.users, fcntl.LOCK_SH)
        atexit.register(self.leave)
        self.starting = True
        try:
            self._start()
        except _AskedToEnd as asked:
            self.starting = False
            self.die(asked.args[0], None)
        self.starting = False
        fcntl.flock(self.gate, fcntl.LOCK_UN)

    def _start(self) -> None:
        home = find_home(self.var)
        for engine in [engine(home) for engine in self.engines]:
            engine.ensure()
            os.environ[engine.variable] = engine.url

    def leave(self) -> None:
        if os.getpid() != self.pid:
            return  # a fork has these descriptors too, but the share is its parent's
        self.pid = 0
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        # A deleted VAR_DIR may have been made anew, with engines that are no longer ours.
        with suppress(FileNotFoundError):
            if self._still_there() and locked(self.users):
                self._stop_all()
        os.close(self.users)
        os.close(self.gate)

    def _still_there(self) -> bool:
        return os.path.samestat(os.fstat(self.users), (self.var / "users.lock").stat())

    def _stop_all(self) -> None:
        home = find_home(self.var)
        engines = [engine(home) for engine in ENGINES]
        try:
            for engine in engines:
                engine.send(engine.stop_signal)
            for engine in engines:
                engine.stop()
        except EngineError as error:
            sys.stderr.write(f"{error}\n")
            return
        shutil.rmtree(home.sockets)
        (self.var / "sockets").unlink()

    def die(self, signum: int, frame: FrameType | None) -> None:
        if self.starting:
            # Whatever starts an engine holds its lock meanwhile, and must let go of it first.
            raise _AskedToEnd(signum)
        self.leave()
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)
        os._exit(128 + signum)  # the first process of a container is not killed by its own signal


def _on_termination(stay: Stay) -> None:
    """Leave in order on `kill` and on a closed terminal, where Python would skip `atexit`."""
    if threading.current_thread() is not threading.main_thread():
        return
    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, stay.die)


def _var() -> Path:
    var = Path(os.environ.get("VAR_DIR") or PROJECT / "var").resolve()
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    if var.stat().st_uid != os.geteuid():
        owner = var.stat().st_uid
        raise EngineError(f"{var} belongs to user {owner}: run as that user or set VAR_DIR")
    return var
