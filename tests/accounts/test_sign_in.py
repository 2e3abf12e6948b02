"""A person who is no staff, with a browser."""

from typing import Any

import pytest
from django.test import Client

from emg.models import Recording
from tests.conftest import work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket

PASSWORD = "a long enough passphrase"


@pytest.fixture
def page(bucket: Bucket) -> str:
    bucket.put(emg_file())
    bucket.tell({"bucket": BUCKET, "object_path": PATH})
    work("inbox", "emg")
    return f"/emg/sessions/{Recording.objects.get().pk}/view"


def sign_in(client: Client, address: str, username: str, password: str = PASSWORD) -> Any:
    return client.post(address, {"username": username, "password": password})


def test_the_owner_gets_to_the_page_by_the_password(page: str, owner: Any) -> None:
    assert not owner.is_staff
    client = Client()
    asked = client.get(page)
    assert (asked.status_code, asked["Location"]) == (302, f"/sign-in?next={page}")
    assert client.get(asked["Location"]).status_code == 200
    assert sign_in(client, asked["Location"], owner.email)["Location"] == page
    assert "Session score" in client.get(page).content.decode()


def test_another_person_does_not(page: str, django_user_model: Any) -> None:
    django_user_model.objects.create_user("sarah@example.org", PASSWORD)
    client = Client()
    assert sign_in(client, f"/sign-in?next={page}", "sarah@example.org").status_code == 302
    assert client.get(page).status_code == 404


def test_it_is_locked_as_any_other(owner: Any) -> None:
    client = Client()
    answers = [sign_in(client, "/sign-in", owner.email, "wrong").status_code for _ in range(6)]
    assert (answers[0], answers[-1]) == (200, 429)


@pytest.mark.parametrize("elsewhere", ["https://example.com/", "//example.com", "javascript:x"])
def test_it_sends_nobody_elsewhere(owner: Any, elsewhere: str) -> None:
    answer = sign_in(Client(), f"/sign-in?next={elsewhere}", owner.email)
    assert answer["Location"] == "/admin/"
