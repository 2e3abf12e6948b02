"""Signs in the person of an installation beside which it runs; prints the token as JSON."""

import json

import django


def main() -> None:
    django.setup()
    from django.contrib.auth import get_user_model

    from omibackend.accounts.models import Token

    _, token = Token.objects.create(get_user_model().objects.get())
    print(json.dumps({"token": token}))


if __name__ == "__main__":
    main()
