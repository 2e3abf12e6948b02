"""A whole installation for benchmarks and faults: its own engines, folder and port on 127.0.0.1.

    with Stack(inbox=4, maintenance=1, cron=1) as stack:
        stack.sql("SELECT count(*) FROM webhooks_delivery")

The processes are those that `manage.py up` starts, with the default settings, and one that dies
is started again as `up` does it. At the end none is left.
"""

import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.engines import ROOT, Engines
from bench.processes import Child, Death, Keeper, send, with_environment

READY_WITHIN_S = 60.0
POLL_S = 0.05
PREPARE = """
import json
from io import StringIO
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
call_command("migrate", verbosity=0)
get_user_model().objects.create_user("bench@localhost.local")
made = []
for signed in (True, False):
    out = StringIO()
    options = {"owner": "bench@localhost.local", "signed": signed, "json": True}
    call_command("create_endpoint", "omi", stdout=out, **options)
    made.append(json.loads(out.getvalue()))
print(json.dumps(made))
"""


@dataclass(frozen=True)
class Address:
    """Where a sender posts to and what it signs with; no secret: nothing is signed."""

    id: str
    path: str
    secret: str | None

    def headers(self, *, uid: str, body: bytes, key: str | None = None) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        if self.secret:
            headers["X-Omi-Signature"] = omi_signature(self.secret, uid=uid, body=body)
        return headers


def omi_signature(secret: str, *, uid: str, body: bytes) -> str:
    now_s = int(time.time())
    signed = f"{now_s}.{uid}.".encode() + body
    return f"t={now_s},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Stack:
    def __init__(
        self,
        *,
        inbox: int = 0,
        ai: int = 0,
        emg: int = 0,
        maintenance: int = 0,
        cron: int = 0,
        inbox_argv: Sequence[str] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`inbox_argv`: a script of the driver's own that runs the inbox workers."""
        self.counts = {"inbox": inbox, "ai": ai, "emg": emg, "maintenance": maintenance}
        self.crons = cron
        self.inbox_argv = inbox_argv
        self.settings = settings or {}
        self.started_engines: Engines | None = None
        self.keeper: Keeper | None = None

    def __enter__(self) -> Self:
        self.var = Path(tempfile.mkdtemp(prefix="omibackend-run-"))
        try:
            self._start()
        except BaseException:
            self._show_logs()
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error:
            self._show_logs()
        self.close()

    def _start(self) -> None:
        self.engines = self.started_engines = Engines(self.var)
        self.sql = self.engines.sql
        self.port = free_port()
        self.env = self._environment()
        made = self._run(["-c", PREPARE])
        signed, open_to_all = (self._address(endpoint) for endpoint in json.loads(made))
        self.endpoint, self.unsigned_endpoint = signed, open_to_all
        self.keeper = Keeper(self._children())
        self.wait_until_ready()

    def _environment(self) -> dict[str, str]:
        """The defaults of a production start; nothing of the shell's own settings."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "omibackend.settings",
            "VAR_DIR": str(self.var),
            "DATABASE_URL": self.engines.database_url,
            "REDIS_URL": self.engines.redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SECRET_KEY": "a-key-for-runs-that-are-thrown-away-afterwards",
            "DEBUG": "false",
            "OPENAI_API_KEY": "",
            "OMI_APP_ID": "",
            **self.settings,
        }

    def _run(self, arguments: Sequence[str]) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def run_module(self, module: str, *arguments: str) -> Any:
        """Runs a module beside the installation; what it prints is JSON."""
        return json.loads(self._run(["-m", module, *arguments]))

    def manage(self, *arguments: str) -> str:
        """A command of manage.py beside the installation, and what it prints."""
        return self._run([str(ROOT / "manage.py"), *arguments])

    def _address(self, made: dict[str, Any]) -> Address:
        return Address(made["id"], f"/webhooks/omi/{made['token']}/", made["secret"])

    def _children(self) -> list[Child]:
        manage = [sys.executable, str(ROOT / "manage.py")]
        rqworker = [*manage, "rqworker", "--verbosity", "0", "--worker-class"]
        kinds = {"emg": "omibackend.ops.lanes.RecordingWorker"}
        named: list[tuple[str, Sequence[str]]] = [("web", [*manage, "web"])]
        for lane, count in self.counts.items():
            kind = kinds.get(lane, "omibackend.ops.lanes.LaneWorker")
            own = self.inbox_argv if lane == "inbox" else None
            found = own or [*rqworker, kind, lane]
            named += [(f"{lane}-{number}", found) for number in range(1, count + 1)]
        cron = [*manage, "rqcron", "omibackend.cron", "--logging-level", "WARNING"]
        named += [(f"cron-{number}", cron) for number in range(1, self.crons + 1)]
        return [Child(name, argv, self.env, self.var / f"{name}.log") for name, argv in named]

    def add(self, name: str, argv: Sequence[str]) -> None:
        """One process more, kept running like the others."""
        assert self.keeper
        child = Child(name, argv, self.env, self.var / f"{name}.log")
        self.keeper.children.append(child)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not (self._web_is_ready() and self._workers() >= sum(self.counts.values())):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not ready after {READY_WITHIN_S:.0f} s.")
            time.sleep(POLL_S)

    def _web_is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _workers(self) -> int:
        with self.engines.redis() as redis:
            return int(str(redis.scard("rq:workers")))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def deaths(self) -> list[Death]:
        """What died by itself; what the run killed is not counted."""
        assert self.keeper
        return [death for death in self.keeper.deaths if not death.by_us]

    def children(self, prefix: str) -> list[Child]:
        assert self.keeper
        return [child for child in self.keeper.children if child.name.startswith(prefix)]

    def log(self, name: str) -> str:
        return (self.var / f"{name}.log").read_text(errors="replace")

    def _show_logs(self) -> None:
        for file in sorted(self.var.glob("*.log")):
            tail = file.read_text(errors="replace")[-2000:]
            if tail.strip():
                sys.stderr.write(f"--- {file.name}\n{tail}\n")

    def close(self) -> None:
        """Everything stops, and nothing of it stays: no process, no folder."""
        if self.keeper:
            self.keeper.stop()
        # Also the jobs whose worker was killed: a fork carries the environment of its parent.
        if self.started_engines:
            for pid in with_environment(f"VAR_DIR={self.var}"):
                if pid != self.started_engines.holder_pid:
                    send(pid, signal.SIGKILL)
            self.started_engines.close()
        with suppress(FileNotFoundError):
            shutil.rmtree(self.var)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
