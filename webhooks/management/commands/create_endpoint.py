import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from omibackend.core import running
from webhooks.inbox.endpoints import create
from webhooks.models import Endpoint, Policy
from webhooks.providers.registry import PROVIDERS


class Command(BaseCommand):
    help = "Makes a webhook endpoint and prints its address. The token is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=sorted(PROVIDERS))
        parser.add_argument("--owner", metavar="EMAIL", help="default: the first superuser")
        parser.add_argument("--name", help="default: the sender's name")
        parser.add_argument("--signed", action="store_true", help="with a signing secret, required")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = PROVIDERS[options["provider"]]
        endpoint = Endpoint(
            owner=_owner(options["owner"]),
            provider=provider.name,
            name=options["name"] or provider.label,
        )
        if options["signed"]:
            endpoint.policy = Policy.BOTH
        created = create(endpoint)
        made = {
            "id": str(endpoint.pk),
            "provider": provider.name,
            "url": address(provider.name, str(created.token)),
            "token": created.token,
            "secret": created.secret,
        }
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        for name, value in made.items():
            if value:
                self.stdout.write(f"{name:>9}  {value}")


def address(provider: str, token: str) -> str:
    return f"{running.public_url()}/webhooks/{provider}/{token}/"


def _owner(email: str | None) -> Any:
    users = get_user_model().objects.filter(is_active=True)
    named = {"is_superuser": True} if email is None else {"email": email.lower()}
    if owner := users.filter(**named).order_by("pk").first():
        return owner
    if email is not None:
        raise CommandError(f"There is no account {email}: make it with create_account.")
    raise CommandError("There is no superuser yet: name an owner with --owner EMAIL.")
