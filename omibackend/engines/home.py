"""The folders, the user and the locks of the embedded engines."""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "omibackend-pg"
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
SOCKET_PATH_BYTES = 100  # systems allow 103 to 107
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


class EngineError(RuntimeError):
    """An embedded engine cannot run; the message is for the person at the terminal."""


@dataclass(frozen=True)
class EngineHome:
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


def find_home(var: Path) -> EngineHome:
    uid, gid = _account()
    sockets = _sockets(var, uid, gid)
    if os.geteuid() == 0:
        let_in(var / "postgres")
        let_in(sockets)
    return EngineHome(var, sockets, uid, gid)


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
    if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) > SOCKET_PATH_BYTES:
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


def let_in(target: Path, trees: Sequence[Path] = ()) -> None:
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


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
