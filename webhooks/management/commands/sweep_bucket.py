from collections import Counter
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from emg.storage import BadName, NotThere, ObjectName, StoreAway, store
from omibackend.core.work import lanes
from webhooks.models import Endpoint
from webhooks.providers.storage import sweeping

SHOWN_EVERY = 100


class Command(BaseCommand):
    help = "Finds C3D files in a bucket whose webhook never came, and takes them in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("bucket")
        parser.add_argument("--prefix", default="", help="only paths that begin so")
        parser.add_argument("--endpoint", metavar="UUID", help="default: the only storage endpoint")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        endpoint = _endpoint(options["endpoint"])
        counts: Counter[str] = Counter()
        try:
            bucket = ObjectName.of(options["bucket"], "a.c3d").bucket
            listed = store().names(bucket, options["prefix"])
            for counts in sweeping.sweep(
                listed, bucket=bucket, endpoint=endpoint, dry_run=options["dry_run"]
            ):
                if counts.total() % SHOWN_EVERY == 0:
                    self.stdout.write(_said(counts))
                    lanes.wake("inbox")
        except (BadName, NotThere, StoreAway) as error:
            raise CommandError(str(error)) from error
        finally:
            lanes.wake("inbox")
        self.stdout.write(self.style.SUCCESS(_said(counts)))


def _said(counts: Counter[str]) -> str:
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    return f"{counts.total()} C3D files{': ' + told if told else ''}."


def _endpoint(pk: str | None) -> Endpoint:
    """Its owner gets the recordings."""
    rows = Endpoint.objects.filter(provider="storage")
    try:
        found = list((rows.filter(pk=pk) if pk else rows)[:2])
    except ValidationError as error:
        raise CommandError("An endpoint's id is a UUID.") from error
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError("There are several storage endpoints: say which with --endpoint UUID.")
    raise CommandError("No such storage endpoint: make one with create_endpoint storage.")
