from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from omibackend.accounts.models import User
from omibackend.accounts.privacy import erasure
from omibackend.accounts.privacy.jobs import LANE
from omibackend.core.work import lanes


class Command(BaseCommand):
    help = (
        "Erases accounts and everything they hold, for good. With --again: those that were erased "
        "before and that a restored backup brought back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("emails", nargs="*", metavar="EMAIL")
        parser.add_argument("--again", action="store_true", help="after a restore")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        users = [self._found(email) for email in options["emails"]]
        if not users and not options["again"]:
            raise CommandError("Name the accounts, or say --again.")
        if users and not options["yes"] and input(f"Erase {len(users)} for good? [y/N] ") != "y":
            raise CommandError("Nothing was erased.")
        for user in users:
            erasure.begin(user)
        count = len(users) + (erasure.reapply() if options["again"] else 0)
        lanes.wake(LANE)
        self.stdout.write(f"{count} switched off; the rest goes in the background.")

    def _found(self, email: str) -> User:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise CommandError(f"There is no account {email}.")
        return user
