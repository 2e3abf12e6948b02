import json
import os
import socket
import sys
import threading
import time
from io import StringIO
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from omibackend import engines
from omibackend.accounts.privacy import erasure
from omibackend.core.supervisor import Child, Supervisor
from omibackend.ops import demo
from webhooks.models import Endpoint
from webhooks.providers.registry import PROVIDERS

ADMIN_EMAIL = "admin@localhost.local"
READY_WITHIN_S = 60.0
TOGETHER = (("inbox",), ("ai", "accounts"), ("emg",), ("maintenance",))


class Command(BaseCommand):
    help = "Runs everything on this machine: engines, web, workers, scheduler. Ctrl-C stops it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="send sample deliveries")

    def handle(self, *args: Any, **options: Any) -> None:
        _port_is_free()
        call_command("migrate", verbosity=0)
        erasure.reapply()
        call_command("collectstatic", interactive=False, verbosity=0)
        password = _first_superuser()
        urls = _missing_endpoints()
        if options["demo"] and not urls:
            urls = {name: _endpoint(name, f"{PROVIDERS[name].label} demo") for name in PROVIDERS}
        greeter = threading.Thread(
            target=self._greet, args=(password, urls, options["demo"]), daemon=True
        )
        greeter.start()
        sys.exit(Supervisor(children()).run())

    def _greet(self, password: str | None, urls: dict[str, str], send_demo: bool) -> None:  # noqa: FBT001
        if not _wait_until_ready():
            self.stderr.write(f"No answer from {settings.PUBLIC_URL} after {READY_WITHIN_S:.0f} s.")
            return
        self.stdout.write(_welcome(password, urls))
        if send_demo:
            for sent in demo.send_all(urls):
                self.stdout.write(
                    f"demo: {sent.provider} {sent.status} in {sent.took_ms:.0f} ms  {sent.answer}"
                )


def children() -> list[Child]:
    """The processes of one machine. Each finds the engines, and keeps them alive, by itself."""
    env = {name: value for name, value in os.environ.items() if name not in engines.embedded()}
    # The terminal is for what `up` says and for what goes wrong.
    env.setdefault("LOG_LEVEL", "WARNING")
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    return [
        Child("web", [*manage, "web"], env),
        Child("cron", [*manage, "rqcron", "omibackend.cron", "--logging-level", "WARNING"], env),
        *(
            Child(lanes[0], [*manage, "rqworker", *lanes, "--verbosity", "0"], env)
            for lanes in workers()
        ),
    ]


def workers() -> list[list[str]]:
    """The lanes of each worker, which takes the first one's jobs first. Recordings have a worker
    of their own, so that a large one holds up nothing else. If there are too few workers, the last
    one takes what is left."""
    most = settings.QUEUE_MAX_CONCURRENT_JOBS
    if most < len(TOGETHER):
        rest = [lane for lanes in TOGETHER[most - 1 :] for lane in lanes]
        return [*map(list, TOGETHER[: most - 1]), rest]
    inbox, ai, *others = map(list, TOGETHER)
    more = [ai] * (_share(4, most=2) - 1) + [inbox] * (_share(2, most=4) - 1)
    return [inbox, ai, *others, *more][:most]


def _share(of_jobs: int, *, most: int) -> int:
    return max(1, min(most, settings.QUEUE_MAX_CONCURRENT_JOBS // of_jobs))


def _port_is_free() -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            where = f"{settings.HOST}:{settings.PORT}"
            raise CommandError(
                f"Cannot listen on {where} ({error.strerror}): set PORT or HOST."
            ) from error


def _first_superuser() -> str | None:
    """The password of the superuser made now; None when there is one already."""
    if get_user_model().objects.filter(is_superuser=True).exists():
        return None
    out = StringIO()
    call_command("create_account", ADMIN_EMAIL, "--superuser", "--json", stdout=out)
    return str(json.loads(out.getvalue())["password"])


def _missing_endpoints() -> dict[str, str]:
    """One endpoint per sender at the first start; their addresses, readable this once."""
    have = set(Endpoint.objects.values_list("provider", flat=True))
    return {name: _endpoint(name, None) for name in PROVIDERS if name not in have}


def _endpoint(provider: str, name: str | None) -> str:
    out = StringIO()
    call_command("create_endpoint", provider, name=name, json=True, stdout=out)
    return str(json.loads(out.getvalue())["url"])


def _wait_until_ready() -> bool:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{settings.PUBLIC_URL}/health/ready", timeout=2).status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False


def _welcome(password: str | None, urls: dict[str, str]) -> str:
    lines = ["", f"omibackend {settings.VERSION} is up: {settings.PUBLIC_URL}/admin/"]
    if password:
        lines += [f"  log in as  {ADMIN_EMAIL}", f"  password   {password}   (shown this once)"]
    for name, url in urls.items():
        lines += [
            "",
            f"{PROVIDERS[name].label} posts to (shown this once):",
            f"  {url}",
            "Try it:",
            f"  {PROVIDERS[name].first().curl(url)}",
        ]
    if not urls:
        lines.append(
            "  endpoints  under Webhooks, Endpoints; a new one: manage.py create_endpoint omi"
        )
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])
