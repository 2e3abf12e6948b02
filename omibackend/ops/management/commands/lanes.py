import sys
from typing import Any

from django.core.management.base import BaseCommand

from omibackend.ops import forks, lanes


class Command(BaseCommand):
    help = "Runs the background workers and the schedule of one machine. SIGTERM stops them."

    def handle(self, *args: Any, **options: Any) -> None:
        forks.load()
        sys.exit(forks.run(lanes.children()))
