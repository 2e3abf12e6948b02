from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

# A thread that goes takes its database connection with it: as late as granian lets it.
THREAD_IDLE_S = 600
STOP_S = 20


class Command(BaseCommand):
    help = "Serves HTTP on HOST:PORT with WEB_WORKERS processes of WEB_THREADS threads."

    def handle(self, *args: Any, **options: Any) -> None:
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
            log_level=LogLevels.warning,
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_S,
        ).serve()
