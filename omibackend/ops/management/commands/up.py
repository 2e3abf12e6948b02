import json
import logging
import multiprocessing
import os
import signal
import socket
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import StringIO
from types import FrameType
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from omibackend.accounts.privacy import erasure
from omibackend.core import machine, running
from omibackend.core.management.commands import web
from omibackend.core.supervisor import STOP_SIGNALS, Child, end_with_parent
from omibackend.ops import forks, lanes
from webhooks.models import Endpoint
from webhooks.providers.registry import PROVIDERS

ADMIN_EMAIL = "admin@localhost.local"
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Welcome:
    """What is told once: the password of a superuser made now, and the addresses made now."""

    password: str | None
    urls: dict[str, str]


class Command(BaseCommand):
    help = "Runs everything on this machine: engines, web, workers, scheduler. Ctrl-C stops it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="send sample deliveries")

    def handle(self, *args: Any, **options: Any) -> None:
        if other := running.claim():
            raise CommandError(
                f"It runs already: {other.url}, pid {other.pid}. Stop that with: kill {other.pid}"
            )
        self.stdout.write(_how_to_stop())
        _port_is_free()
        if settings.IS_SMALL:
            self.stdout.write(
                f"There are {machine.memory_bytes() >> 20} MB of memory: "
                f"{settings.WEB_WORKERS} web process, {len(lanes.workers())} for the work behind."
            )
        # Before anything is loaded that looks for static files.
        prepared = _prepared(demo=options["demo"])
        forks.load()
        if not os.environ.get("LOG_LEVEL"):
            # The terminal is for what `up` says and for what goes wrong.
            for name in ("omibackend", "django"):
                logging.getLogger(name).setLevel(logging.WARNING)
        greet = partial(self._greet, prepared, options["demo"])
        children = [Child("web", web.serve), *lanes.children(), Child("", greet, once=True)]
        sys.exit(forks.run(children))

    def _greet(self, prepared: Welcome, send_demo: bool) -> None:  # noqa: FBT001
        from omibackend.ops import demo  # an HTTP client, which nothing else here needs

        if not demo.answers_within(READY_WITHIN_S):
            self.stderr.write(f"No answer from {settings.PUBLIC_URL} after {READY_WITHIN_S:.0f} s.")
            return
        self.stdout.write(_welcome(prepared))
        if send_demo:
            for sent in demo.send_all(prepared.urls):
                self.stdout.write(
                    f"demo: {sent.provider} {sent.status} in {sent.took_ms:.0f} ms  {sent.answer}"
                )


def _how_to_stop() -> str:
    """Whoever starts it in the background of a script has SIGINT ignored."""
    pid = os.getpid()
    keys = "" if signal.getsignal(signal.SIGINT) is signal.SIG_IGN else "Ctrl-C or "
    return f"omibackend {settings.VERSION} starts as pid {pid}. To stop it: {keys}kill {pid}"


def _prepared(*, demo: bool) -> Welcome:
    """In a process of its own, whose memory goes with it."""
    here = {
        signum: signal.signal(signum, _stop)
        for signum in STOP_SIGNALS
        if signal.getsignal(signum) is not signal.SIG_IGN
    }
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, fork, _follow, (os.getpid(),)) as apart:
        prepared = apart.submit(_prepare, demo=demo).result()
    for signum, handler in here.items():
        signal.signal(signum, handler)
    return prepared


def _follow(parent: int) -> None:
    """Runs in the fork: its parent hears Ctrl-C, and it ends with its parent."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    for child in multiprocessing.active_children():
        child.kill()
    sys.exit(128 + signum)


def _prepare(*, demo: bool) -> Welcome:
    call_command("migrate", verbosity=0)
    erasure.reapply()
    call_command("collectstatic", interactive=False, verbosity=0)
    password = _first_superuser()
    # One endpoint per sender at the first start; their addresses are readable this once.
    have = set(Endpoint.objects.values_list("provider", flat=True))
    urls = {name: _endpoint(name, None) for name in PROVIDERS if name not in have}
    if demo and not urls:
        urls = {name: _endpoint(name, f"{PROVIDERS[name].label} demo") for name in PROVIDERS}
    return Welcome(password, urls)


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


def _endpoint(provider: str, name: str | None) -> str:
    out = StringIO()
    call_command("create_endpoint", provider, name=name, json=True, stdout=out)
    return str(json.loads(out.getvalue())["url"])


def _welcome(prepared: Welcome) -> str:
    lines = ["", f"omibackend {settings.VERSION} is up: {settings.PUBLIC_URL}/admin/"]
    if prepared.password:
        lines += [
            f"  log in as  {ADMIN_EMAIL}",
            f"  password   {prepared.password}   (shown this once)",
        ]
    for name, url in prepared.urls.items():
        lines += [
            "",
            f"{PROVIDERS[name].label} posts to (shown this once):",
            f"  {url}",
            "Try it:",
            f"  {PROVIDERS[name].first().curl(url)}",
        ]
    if not prepared.urls:
        lines.append(
            "  endpoints  under Webhooks, Endpoints; a new one: manage.py create_endpoint omi"
        )
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])
