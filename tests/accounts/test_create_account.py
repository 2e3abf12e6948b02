import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from omibackend.accounts.models import User

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_account", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_one_line_of_json() -> None:
    line = create("Nadia@Example.org", "--json")
    made = json.loads(line)
    assert line.count("\n") == 1
    assert list(made) == ["email", "password", "token"]
    assert made["email"] == "nadia@example.org"
    assert User.objects.get().check_password(made["password"])


def test_it_gives_a_token_that_works(api: Callable[..., APIClient]) -> None:
    made = json.loads(create("nadia@example.org", "--json"))
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {made['token']}")
    assert client.get("/auth/me").json()["email"] == "nadia@example.org"


def test_it_makes_a_password_that_the_validators_accept() -> None:
    one, other = (json.loads(create(f"{name}@x.org", "--json"))["password"] for name in "ab")
    assert one != other
    validate_password(one, User.objects.first())


@pytest.mark.parametrize(
    ("flags", "rights"),
    [([], (False, False)), (["--staff"], (True, False)), (["--superuser"], (True, True))],
)
def test_it_gives_the_rights_asked_for(flags: list[str], rights: tuple[bool, bool]) -> None:
    create("nadia@example.org", *flags)
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == rights


def test_it_tells_a_person_in_words() -> None:
    words = create("nadia@example.org").split()
    assert words[:3] == ["Account", "nadia@example.org", "Password"]
    assert User.objects.get().check_password(words[3])


@pytest.mark.parametrize(
    ("email", "reason"),
    [("NADIA@example.org", "already an account"), ("nadia", "not an e-mail address")],
)
def test_it_refuses_with_a_reason(owner: Any, email: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        create(email)
    assert User.objects.get() == owner
