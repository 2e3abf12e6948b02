import resource
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

# A thread that goes takes its database connection with it: as late as granian lets it.
THREAD_IDLE_S = 600
STOP_S = 20
# One that has drawn a signal or asked a model holds 100 MB more than one at rest.
GROWN_MB = 250


class Command(BaseCommand):
    help = "Serves HTTP on HOST:PORT with WEB_WORKERS processes of WEB_THREADS threads."

    def handle(self, *args: Any, **options: Any) -> None:
        serve()


def serve() -> None:
    # The workers are forks, and share what is loaded and frozen by then.
    import_module(settings.WSGI_APPLICATION.rpartition(".")[0])
    Server(
        "omibackend.wsgi:application",
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WEB_WORKERS,
        blocking_threads=settings.WEB_THREADS,
        blocking_threads_idle_timeout=THREAD_IDLE_S,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S,
        workers_max_rss=_resident_mb() + GROWN_MB,
    ).serve()


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20
