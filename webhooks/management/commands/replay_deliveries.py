from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from django.utils import timezone

from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.work import lanes, leased
from omibackend.core.work.leased import State
from webhooks.models import Delivery
from webhooks.providers.registry import PROVIDERS

AT_ONCE = 5000


class Command(BaseCommand):
    help = "Works deliveries again: one, or all that match. What is done already is not doubled."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="delivery ids")
        parser.add_argument("--state", choices=["dead", "done", "pending"], default=None)
        parser.add_argument("--provider", choices=sorted(PROVIDERS))
        parser.add_argument("--endpoint", metavar="UUID")
        parser.add_argument("--event")
        parser.add_argument("--since", metavar="TIME", help="ISO time, or an age such as 2h or 3d")
        parser.add_argument("--until", metavar="TIME")
        parser.add_argument("--all", action="store_true", help="needed when nothing is named")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = selected(options)
        total = rows.count()
        if options["dry_run"]:
            self.stdout.write(f"{total} deliveries would be replayed.")
            return
        done = 0
        last = None
        while True:
            # By id, so that rows which come in meanwhile cannot make this run for ever.
            page = rows if last is None else rows.filter(pk__gt=last)
            ids = list(page.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            if not ids:
                break
            done += leased.replay(Delivery.objects.filter(pk__in=ids))
            last = ids[-1]
            lanes.wake("inbox")
            self.stdout.write(f"{done} of {total} replayed")
        self.stdout.write(self.style.SUCCESS(f"{done} deliveries replayed."))


def selected(options: dict[str, Any]) -> QuerySet[Delivery]:
    since, until = options["since"], options["until"]
    wanted = {
        "pk__in": options["ids"],
        "endpoint_id": options["endpoint"],
        "state": options["state"],
        "endpoint__provider": options["provider"],
        "event": options["event"],
        "pk__gte": since and first_uuid7(moment(since)),
        "pk__lt": until and first_uuid7(moment(until)),
    }
    named = {name: value for name, value in wanted.items() if value}
    if not named and not options["all"]:
        raise CommandError("Say which: ids, --state dead, --provider, --since 2h …, or --all.")
    rows = Delivery.objects.filter(body__isnull=False).exclude(state=State.IGNORED)
    try:
        return rows.filter(**named)
    except ValidationError as error:
        raise CommandError("An id is a UUID.") from error


def moment(text: str) -> datetime:
    unit = {"m": "minutes", "h": "hours", "d": "days"}.get(text[-1:])
    if unit and text[:-1].isdigit():
        return timezone.now() - timedelta(**{unit: int(text[:-1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is neither an ISO time nor an age such as 2h.") from error
    return found if found.tzinfo else timezone.make_aware(found)
