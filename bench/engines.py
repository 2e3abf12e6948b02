"""PostgreSQL and Redis of their own for one run, which the run may stop, kill, freeze and start.

They are the product's embedded engines, in a folder of their own. A process that only waits holds
them, so that they outlive whatever a fault does to the others, and a short-lived one that joins it
starts again what was stopped.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg2
import redis

ROOT = Path(__file__).resolve().parent.parent
HOLD = """
import os, sys
from omibackend import engines
engines.boot()
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
sys.stdin.read()
"""
JOIN = "from omibackend import engines; engines.boot()"
STOPPED_WITHIN_S = 30.0
POLL_S = 0.02


class Engines:
    def __init__(self, var: Path) -> None:
        self.var = var
        named_elsewhere = {"DATABASE_URL", "REDIS_URL", "CACHE_URL"}
        kept = {name: text for name, text in os.environ.items() if name not in named_elsewhere}
        self._env = {**kept, "VAR_DIR": str(var), "PYTHONPATH": str(ROOT)}
        self._holder = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            cwd=var,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._holder.stdout
        urls = self._holder.stdout.readline().split()
        if len(urls) != 2:
            raise RuntimeError("The engines did not start.")
        self.database_url, self.redis_url = urls

    @property
    def holder_pid(self) -> int:
        return self._holder.pid

    def close(self) -> None:
        """The last one out stops both. A frozen engine could not obey."""
        for name in ("postgres", "redis"):
            self.send(name, signal.SIGCONT)
        self._holder.communicate(timeout=90)

    def pid(self, name: str) -> int | None:
        """Of the server itself; None if it does not run."""
        file = {"postgres": "postmaster.pid", "redis": "redis.pid"}[name]
        try:
            pid = int((self.var / name / file).read_text().split()[0])
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return None if state == "Z" else pid

    def send(self, name: str, signum: signal.Signals) -> None:
        pid = self.pid(name)
        if pid:
            os.kill(pid, signum)

    def stop(self, name: str, signum: signal.Signals) -> None:
        """Sends the signal and waits for the end. PostgreSQL: SIGINT is "fast", SIGQUIT is
        "immediate", as after a crash."""
        pid = self.pid(name)
        if pid is None:
            return
        os.kill(pid, signum)
        deadline = time.monotonic() + STOPPED_WITHIN_S
        while self.pid(name) == pid:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not stop.")
            time.sleep(POLL_S)

    def start(self) -> None:
        """Starts what does not run."""
        subprocess.run([sys.executable, "-c", JOIN], cwd=self.var, env=self._env, check=True)

    def empty_redis(self) -> None:
        """What a stopped Redis kept on disk is gone, as after the loss of its machine."""
        for file in (self.var / "redis").glob("appendonly*"):
            file.unlink()

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.redis_url, socket_timeout=5)

    def sql(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """One statement on a connection of its own, committed."""
        connection = psycopg2.connect(self.database_url)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()
