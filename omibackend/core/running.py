"""The one `up` of a VAR_DIR: who it is, and where it answers.

It and all its processes hold `up.lock` for as long as they live, and the kernel drops it with the
last of them: no kill leaves anything that would have to be taken for stale.
"""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

ENDS_WITHIN_S = 40.0
POLL_S = 0.1


@dataclass(frozen=True)
class Running:
    pid: int
    url: str


def claim() -> Running | None:
    """Makes this process the one, or says which is. Waits for one that was killed to end."""
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    lock = os.open(_path(), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + ENDS_WITHIN_S
    while not _locked(lock, fcntl.LOCK_EX):
        found = _read(lock)
        if found and (_lives(found.pid) or time.monotonic() > deadline):
            os.close(lock)
            return found
        time.sleep(POLL_S)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()} {settings.PUBLIC_URL}".encode(), 0)
    return None


def public_url() -> str:
    """Where the installation answers: of the `up` that runs, whatever PORT says in this shell."""
    try:
        lock = os.open(_path(), os.O_RDWR | os.O_NOFOLLOW)
    except OSError:  # there was none, or it is another user's
        return settings.PUBLIC_URL
    try:
        found = None if _locked(lock, fcntl.LOCK_SH) else _read(lock)
    finally:
        os.close(lock)
    return found.url if found else settings.PUBLIC_URL


def _path() -> Path:
    return settings.VAR_DIR / "up.lock"


def _locked(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(lock: int) -> Running | None:
    """None for the moment in which another process has locked it and not written yet."""
    pid, _, url = os.pread(lock, 1000, 0).decode().partition(" ")
    return Running(int(pid), url) if url else None


def _lives(pid: int) -> bool:
    """One that was killed and that nobody has waited for yet does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):  # another user's; a system without /proc
        return True
