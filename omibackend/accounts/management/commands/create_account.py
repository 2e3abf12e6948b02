import json
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from omibackend.accounts.models import Token, User


class Command(BaseCommand):
    help = "Creates an account with a random password and a token, which are shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--staff", action="store_true", help="may log in to the admin")
        parser.add_argument("--superuser", action="store_true", help="may do everything there")
        parser.add_argument("--json", action="store_true", help="one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        user, password = create(
            options["email"],
            is_staff=options["staff"] or options["superuser"],
            is_superuser=options["superuser"],
        )
        _, token = Token.objects.create(user)
        if options["json"]:
            made = {"email": user.email, "password": password, "token": token}
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(f"Account   {user.email}\nPassword  {password}\nToken     {token}")


def create(email: str, *, is_staff: bool, is_superuser: bool) -> tuple[User, str]:
    password = secrets.token_urlsafe(18)
    try:
        validate_email(email)
        with transaction.atomic():
            user = User.objects.create_user(
                email, password, is_staff=is_staff, is_superuser=is_superuser
            )
    except ValidationError as error:
        raise CommandError("EMAIL is not an e-mail address.") from error
    except IntegrityError as error:
        raise CommandError("There is already an account with this e-mail address.") from error
    return user, password
