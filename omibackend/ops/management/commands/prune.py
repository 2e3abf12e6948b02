from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from omibackend.ops import retention


class Command(BaseCommand):
    help = "Removes what retention (RETENTION_*_DAYS) no longer keeps."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            found, verb = retention.due(), "would be removed"
        else:
            found, verb = retention.prune(self._progress), "removed"
        for name, count in found.items():
            self.stdout.write(f"{count} {name} {verb}")

    def _progress(self, name: str, done: int) -> None:
        self.stderr.write(f"{name}: {done}")
