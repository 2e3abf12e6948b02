from datetime import datetime
from time import monotonic, sleep
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q, QuerySet
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from emg.models import Recording
from emg.recordings import bulk, jobs
from emg.recordings.registry import as_uuid
from omibackend.core.work import lanes
from omibackend.core.work.leased import State

POLL_S = 0.5
STALLED_S = 300.0


class Command(BaseCommand):
    help = "Analyses recordings again: all that match, behind whatever is new."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="recordings or sessions")
        parser.add_argument("--patient", metavar="CODE")
        parser.add_argument("--owner", metavar="EMAIL")
        parser.add_argument("--since", metavar="DATE", help="recorded then or later")
        parser.add_argument("--failed", action="store_true")
        parser.add_argument("--outdated", action="store_true", help="by other parameters than now")
        parser.add_argument("--all", action="store_true", help="needed when nothing is named")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--no-wait", action="store_true", help="do not watch it being worked")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = _selected(options)
        total = rows.count()
        if options["dry_run"]:
            self.stdout.write(f"{total} recordings would be analysed again.")
            return
        with Progress(console=Console(file=cast("IO[str]", self.stdout._out))) as progress:
            began_at = timezone.now()
            marked = self._mark(rows, total, progress)
            if not options["no_wait"]:
                _watch(_named(options), marked, progress)
        failed = _named(options).filter(state=State.DEAD, finished_at__gte=began_at).count()
        self.stdout.write(self.style.SUCCESS(f"{marked} recordings marked, {failed} failed."))

    def _mark(self, rows: QuerySet[Recording], total: int, progress: Progress) -> int:
        task = progress.add_task("marked", total=total)
        marked = 0
        for marked in bulk.mark(rows):
            progress.update(task, completed=marked)
            lanes.wake(jobs.LANE)
        progress.update(task, completed=marked, total=marked)
        return marked


def _watch(rows: QuerySet[Recording], total: int, progress: Progress) -> None:
    """Until all are worked, or nothing was for a while: then no worker listens."""
    task = progress.add_task("analysed", total=total)
    last, moved_at = total, monotonic()
    while (left := bulk.waiting(rows)) and monotonic() - moved_at < STALLED_S:
        if left != last:
            last, moved_at = left, monotonic()
        progress.update(task, completed=max(0, total - left))
        sleep(POLL_S)
    progress.update(task, completed=max(0, total - left))


def _selected(options: dict[str, Any]) -> QuerySet[Recording]:
    wanted = ("ids", "patient", "owner", "since", "failed", "outdated")
    if not any(options[name] for name in wanted) and not options["all"]:
        raise CommandError("Say which: ids, --patient P039, --failed, --outdated …, or --all.")
    rows = _named(options)
    if options["failed"]:
        rows = rows.filter(state=State.DEAD)
    if options["outdated"]:
        rows = bulk.outdated(rows)
    return rows


def _named(options: dict[str, Any]) -> QuerySet[Recording]:
    """What is selected by what does not change while it is worked."""
    rows = Recording.objects.all()
    if options["ids"]:
        own = [pk for pk in map(as_uuid, options["ids"]) if pk]
        rows = rows.filter(Q(pk__in=own) | Q(session_id__in=options["ids"]))
    if options["patient"]:
        rows = rows.filter(patient_code=options["patient"].upper())
    if options["owner"]:
        rows = rows.filter(owner__email=options["owner"].lower())
    if options["since"]:
        rows = rows.filter(recorded_at__gte=_moment(options["since"]))
    return rows


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no date such as 2026-11-20.") from error
    return found if found.tzinfo else timezone.make_aware(found)
