import sys
from contextlib import closing
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emg.legacy.importing import FAILED, HERE, IMPORTED, LegacyTally, take
from emg.legacy.source import LegacyDatabase, NoSource
from omibackend.core.show import human

MOST_TROUBLES_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Brings over an old analysis_results table: what its emg_signals say is measured again, "
        "and only that is kept. The old database is read alone. Interrupted or repeated, it goes "
        "on where it was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "source",
            metavar="URL",
            help="of the old database, postgresql://…; - reads it from the input, where no list "
            "of processes shows its password",
        )
        parser.add_argument("--owner", metavar="EMAIL", required=True, help="whose it becomes")
        parser.add_argument("--table", default="analysis_results", metavar="[SCHEMA.]TABLE")
        parser.add_argument(
            "--unit", choices=["V", "mV", "uV", "nV"], default="V", help="of the old samples"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        owner = get_user_model().objects.filter(email=options["owner"].lower()).first()
        if owner is None:
            raise CommandError(f"There is no account {options['owner']}.")
        dsn = sys.stdin.readline().strip() if options["source"] == "-" else options["source"]
        tally = LegacyTally()
        try:
            with closing(LegacyDatabase(dsn, options["table"])) as source:
                self._take(source, owner.pk, options["unit"], tally)
        except NoSource as error:
            self._report(tally)
            raise CommandError(f"{error} Run it again: it goes on from here.") from error
        self._report(tally)
        if tally.counts[FAILED]:
            raise CommandError("Some were not imported; nothing of them is here.")

    def _take(self, source: LegacyDatabase, owner_id: int, unit: str, tally: LegacyTally) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
            task = progress.add_task("old rows", total=source.count())
            for ids in source.ids():
                for _ in take(source, ids, owner_id=owner_id, unit=unit, tally=tally):
                    progress.update(task, completed=tally.counts.total())

    def _report(self, tally: LegacyTally) -> None:
        for pk, why in tally.troubles[:MOST_TROUBLES_SHOWN]:
            self.stderr.write(f"{pk}: {why}")
        if len(tally.troubles) > MOST_TROUBLES_SHOWN:
            self.stderr.write(f"and {len(tally.troubles) - MOST_TROUBLES_SHOWN} more")
        counts = ", ".join(f"{tally.counts[name]} {name}" for name in (IMPORTED, HERE, FAILED))
        self.stdout.write(f"{counts}.")
        if tally.counts[IMPORTED]:
            kept = 100 * (1 - tally.new_bytes / tally.old_bytes) if tally.old_bytes else 0
            self.stdout.write(
                f"{human.size(tally.old_bytes)} of signals became {human.size(tally.new_bytes)} of "
                f"analytics: {kept:.1f} % saved. The old table is as it was."
            )
