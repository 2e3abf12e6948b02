import os
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from webhooks.providers.omi import history, importing
from webhooks.providers.omi.history import Page
from webhooks.providers.omi.history_file import NoHistory
from webhooks.providers.omi.importing import FAILED, ImportTally

MOST_TROUBLES_SHOWN = 50
UNITS = ("imported", "already here", "deleted before", "still being worked", "failed")


class Command(BaseCommand):
    help = (
        "Brings in conversations from before the webhook, by a developer API key of Omi's or from "
        "an export file. Interrupted or repeated, it goes on where it was: nothing is doubled, "
        "and what was deleted stays deleted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", metavar="FILE", help="a JSON export")
        parser.add_argument(
            "--key-file",
            metavar="FILE",
            help="holds the key (omi_dev_…); - reads it from the input. Omi makes one under "
            "Settings, Developer.",
        )
        parser.add_argument("--owner", metavar="EMAIL", required=True, help="whose it becomes")
        parser.add_argument("--uid", help="Omi's id of the person; default: the one known here")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["file"]) == bool(options["key_file"]):
            raise CommandError("Name either an export FILE or --key-file FILE.")
        owner = get_user_model().objects.filter(email=options["owner"].lower()).first()
        if owner is None:
            raise CommandError(f"There is no account {options['owner']}.")
        pages, length = _pages(options)
        tally = ImportTally()
        stopped = self._take(pages, length, importing.target(owner, uid=options["uid"]), tally)
        self._report(tally)
        if stopped:
            raise CommandError(f"{stopped} Run it again: it goes on from here.")
        if tally.counts[FAILED]:
            raise CommandError("Some were not imported. Mend them and run it again.")

    def _take(
        self, pages: Iterator[Page], length: int | None, to: importing.Target, tally: ImportTally
    ) -> str:
        """Why it stopped before the end; "" if it did not."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        bar = Progress(
            *columns[: 3 if length is None else 2],
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        with bar:
            task = bar.add_task("reading", total=length)
            try:
                for page in pages:
                    importing.take(page, to, tally)
                    taken = tally.done if length else tally.counts.total()
                    bar.update(task, completed=taken, description=_words(tally))
            except NoHistory as error:
                return str(error)
            bar.update(task, total=length or tally.counts.total(), completed=length)
        return ""

    def _report(self, tally: ImportTally) -> None:
        for trouble in tally.troubles[:MOST_TROUBLES_SHOWN]:
            self.stderr.write(f"{trouble.where}: {trouble.why}")
        if len(tally.troubles) > MOST_TROUBLES_SHOWN:
            self.stderr.write(f"and {len(tally.troubles) - MOST_TROUBLES_SHOWN} more")
        self.stdout.write(_words(tally) or "nothing was found")


def _words(tally: ImportTally) -> str:
    return ", ".join(f"{tally.counts[unit]} {unit}" for unit in UNITS if tally.counts[unit])


def _pages(options: dict[str, Any]) -> tuple[Iterator[Page], int | None]:
    """The conversations, and the length of a file in bytes."""
    if options["key_file"]:
        key = _key(options["key_file"])
        return history.from_api(key, url=settings.OMI_API_URL), None
    file = _opened(options["file"])
    return history.from_file(file), os.fstat(file.fileno()).st_size


def _key(path: str) -> str:
    with sys.stdin.buffer if path == "-" else _opened(path) as file:
        key = file.readline().decode(errors="replace").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise CommandError("The key file holds no key.")
    return key


def _opened(path: str) -> BufferedReader:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from error
