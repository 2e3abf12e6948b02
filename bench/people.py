"""Registers people in an installation beside which it runs; prints their tokens as JSON."""

import json
import sys

import django


def main(count: int) -> None:
    django.setup()
    from django.contrib.auth import get_user_model

    from omibackend.accounts.models import Token

    users = get_user_model().objects
    people = [users.create_user(f"person-{number}@localhost.local") for number in range(count)]
    print(json.dumps([Token.objects.create(person)[1] for person in people]))


if __name__ == "__main__":
    main(int(sys.argv[1]))
