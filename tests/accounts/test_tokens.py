"""Named tokens for programs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from omibackend.accounts.models import Token, User

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]
WANTED = {"name": "Backup", "scopes": ["read"], "expires_in_days": 30}


def test_it_shows_a_token_once(owner: Any, api: Api) -> None:
    me = api(owner)
    made = me.post("/tokens", WANTED, format="json")
    assert made.status_code == 201
    secret = made.json()["token"]
    assert secret.startswith("omi_")
    listed = me.get("/tokens").json()
    assert listed["results"] == [
        {name: value for name, value in made.json().items() if name != "token"}
    ]
    assert secret not in str(listed)


def test_it_works_within_its_scopes_and_remembers_its_use(owner: Any, api: Api) -> None:
    me = api(owner)
    program = APIClient()
    secret = me.post("/tokens", WANTED, format="json").json()["token"]
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert program.get("/preferences").status_code == 200
    assert program.patch("/preferences", {"mute": True}, format="json").status_code == 403
    assert me.get("/tokens").json()["results"][0]["last_used_at"] is not None


@pytest.mark.parametrize(("days", "lives"), [(30, True), (None, True), (1, False)])
def test_it_ends_when_its_owner_said(
    owner: Any, api: Api, days: int | None, lives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {**WANTED, "expires_in_days": days}
    secret = api(owner).post("/tokens", body, format="json").json()["token"]
    later = timezone.now() + timedelta(days=2)
    monkeypatch.setattr("knox.auth.timezone.now", lambda: later)
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    assert (program.get("/preferences").status_code == 200) is lives


def test_it_ends_at_once_when_deleted(owner: Any, api: Api) -> None:
    me = api(owner)
    made = me.post("/tokens", WANTED, format="json").json()
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {made['token']}")
    assert me.delete(f"/tokens/{made['id']}").status_code == 204
    assert program.get("/preferences").status_code == 401
    assert me.delete(f"/tokens/{made['id']}").status_code == 404


def test_it_is_nobody_elses(owner: Any, api: Api) -> None:
    made = api(owner).post("/tokens", WANTED, format="json").json()
    stranger = api(User.objects.create_user("sarah@example.org"))
    assert stranger.delete(f"/tokens/{made['id']}").status_code == 404
    assert stranger.get("/tokens").json()["results"] == []
    assert Token.objects.filter(id=made["id"]).exists()


def test_it_neither_lists_nor_deletes_devices(owner: Any, api: Api) -> None:
    me = api(owner)
    device = Token.objects.get()
    assert me.get("/tokens").json()["results"] == []
    assert me.delete(f"/tokens/{device.id}").status_code == 404


@pytest.mark.parametrize("pk", ["-" * 36, "0" * 36, "zzz"])
def test_it_knows_no_malformed_id(owner: Any, api: Api, pk: str) -> None:
    assert api(owner).delete(f"/tokens/{pk}").status_code == 404


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes.0"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": [5]}, "scopes"),
        ({"name": ""}, "name"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": "30"}, "expires_in_days"),
        ({"expires_in_days": True}, "expires_in_days"),
        ({"token": "mine"}, "token"),
    ],
)
def test_it_refuses_by_the_field(owner: Any, api: Api, change: dict[str, Any], attr: str) -> None:
    answer = api(owner).post("/tokens", {**WANTED, **change}, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == attr


def test_it_is_not_made_by_a_program(owner: Any, api: Api) -> None:
    program = api(owner, ["read", "write"])
    assert program.post("/tokens", WANTED, format="json").status_code == 403
    assert program.get("/tokens").status_code == 403


def test_it_is_made_by_a_browser_with_its_csrf_token(owner: Any) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    browser.get("/auth/me")
    given: dict[str, Any] = {"content_type": "application/json"}
    assert browser.post("/tokens", WANTED, **given).status_code == 403
    header = {"X-CSRFToken": browser.cookies["omi_csrf"].value}
    assert browser.post("/tokens", WANTED, headers=header, **given).status_code == 201
