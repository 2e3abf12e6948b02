"""Joining, signing in and out."""

import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from omibackend.accounts.models import BrowserSession, Token, User
from omibackend.ops.retention import due, prune

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]
PASSWORD = "a long enough passphrase"
NEW = "quite another passphrase"


def join(email: str = "sarah@example.org", **more: Any) -> Any:
    body = {"email": email, "password": "some words together", **more}
    return APIClient().post("/auth/register", body, format="json")


def log_in(email: str = "nadia@example.org", password: str = PASSWORD) -> Any:
    body = {"email": email, "password": password}
    return APIClient().post("/auth/login", body, format="json")


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_it_makes_an_account_that_can_sign_in() -> None:
    answer = join("Sarah@Example.org", name="Sarah")
    assert answer.status_code == 201
    assert answer.json() == {"user": {"email": "sarah@example.org", "name": "Sarah"}}
    assert User.objects.get().password.startswith("argon2")
    signed_in = log_in("sarah@example.org", "some words together").json()
    assert list(signed_in) == ["token", "expiry", "user"]
    me = with_token(signed_in["token"]).get("/auth/me").json()
    assert me == signed_in["user"]
    assert me["name"] == "Sarah"


def test_it_does_not_tell_a_known_address(owner: Any) -> None:
    new, known = join("new@example.org", name="N"), join("NADIA@example.org", name="N")
    assert (known.status_code, set(known.json()["user"])) == (201, {"email", "name"})
    assert {**new.json()["user"], "email": ""} == {**known.json()["user"], "email": ""}
    assert set(new.headers) == set(known.headers)
    owner.refresh_from_db()
    assert owner.name == ""
    assert owner.check_password(PASSWORD)


def test_it_takes_as_long_for_a_known_address(owner: Any) -> None:
    took_s: dict[str, list[float]] = {"known": [], "new": []}
    for number in range(7):
        for kind, email in (("known", owner.email), ("new", f"{number}@example.org")):
            started = time.perf_counter()
            join(email)
            took_s[kind].append(time.perf_counter() - started)
    known_s, new_s = median(took_s["known"]), median(took_s["new"])
    assert 0.5 < known_s / new_s < 2


@pytest.mark.parametrize(
    ("change", "attr"),
    [
        ({"password": "short"}, "password"),
        ({"password": "123456789012345"}, "password"),
        ({"password": "sarah@example.org"}, "password"),
        ({"email": "sarah"}, "email"),
        ({"email": 5}, "email"),
        ({"name": "x" * 151}, "name"),
        ({"name": "nu\x00l"}, "name"),
        ({"is_superuser": True}, "is_superuser"),
    ],
)
def test_it_refuses_by_the_field(change: dict[str, Any], attr: str) -> None:
    answer = join(**change)
    assert answer.status_code == 400
    assert {error["attr"] for error in answer.json()["errors"]} == {attr}
    assert not User.objects.exists()


def test_it_does_not_echo_a_name_that_is_none() -> None:
    answer = APIClient().post("/auth/register", b'{"\\ud800": 1}', content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("email", "password"),
    [("nadia@example.org", "wrong"), ("nobody@example.org", PASSWORD)],
)
def test_it_answers_every_wrong_sign_in_alike(owner: Any, email: str, password: str) -> None:
    answer = log_in(email, password)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["detail"] == "The address or the password is wrong."


def test_it_gives_each_device_its_own_token(owner: Any) -> None:
    one, two = (log_in().json()["token"] for _ in range(2))
    assert with_token(one).post("/auth/logout").status_code == 204
    assert with_token(one).get("/auth/me").status_code == 401
    assert with_token(two).get("/auth/me").status_code == 200
    owner.refresh_from_db()
    assert owner.last_login is not None


def test_it_signs_out_everywhere_but_leaves_programs(owner: Any, api: Api) -> None:
    program, browser = api(owner, ["read"]), Client()
    browser.force_login(owner)
    devices = [with_token(log_in().json()["token"]) for _ in range(2)]
    assert program.post("/auth/logout-all").status_code == 403
    assert devices[0].post("/auth/logout-all").status_code == 204
    assert [device.get("/auth/me").status_code for device in devices] == [401, 401]
    assert browser.get("/auth/me").status_code == 401
    assert program.get("/auth/me").status_code == 200


def test_it_ends_a_browsers_session(owner: Any) -> None:
    browser = Client()
    browser.force_login(owner)
    assert browser.get("/auth/me").status_code == 200
    assert browser.post("/auth/logout").status_code == 204
    assert not BrowserSession.objects.exists()


def test_it_changes_a_name_and_a_password(owner: Any, api: Api) -> None:
    here, there = api(owner), api(owner)
    body = {"name": "Nadia", "new_password": NEW, "current_password": PASSWORD}
    answer = here.patch("/auth/me", body, format="json")
    assert (answer.status_code, answer.json()["name"]) == (200, "Nadia")
    assert there.get("/auth/me").status_code == 401
    assert here.get("/auth/me").status_code == 200
    assert log_in(password=NEW).status_code == 200


@pytest.mark.parametrize("current", [None, "wrong"])
def test_it_keeps_the_password_without_the_current_one(
    owner: Any, api: Api, current: str | None
) -> None:
    body = {"new_password": NEW} | ({"current_password": current} if current else {})
    answer = api(owner).patch("/auth/me", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "wrong_password")
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_it_lets_a_program_read_who_it_is_and_no_more(owner: Any, api: Api) -> None:
    assert api(owner, ["read"]).get("/auth/me").status_code == 200
    assert api(owner, ["chat"]).get("/auth/me").status_code == 403
    assert api(owner, ["write"]).patch("/auth/me", {"name": "x"}).status_code == 403


def test_it_is_off_as_a_whole(owner: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api(owner)
    monkeypatch.setattr(settings, "ENABLE_USER_SYSTEM", False)
    for path in ("/auth/me", "/tokens", "/preferences", "/account/export"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "ENABLE_USER_SYSTEM" in answer.json()["errors"][0]["detail"]
    assert log_in().status_code == 404
    assert client.get("/api/info").json()["features"]["userSystem"] is False


def test_it_renews_a_device_and_not_a_program(owner: Any, api: Api) -> None:
    soon = timezone.now() + timedelta(hours=1)
    device, program = api(owner), api(owner, ["read"])
    Token.objects.update(expiry=soon)
    device.get("/auth/me")
    program.get("/auth/me")
    assert Token.objects.get(scopes=None).expiry > soon
    assert Token.objects.get(scopes__isnull=False).expiry == soon


def test_it_ends_when_its_time_is_over(owner: Any, api: Api) -> None:
    ended, kept = api(owner, ["read"]), api(owner, ["read"])
    first = Token.objects.order_by("created").first()
    Token.objects.filter(pk=first.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    assert ended.get("/memories").status_code == 401
    assert due()["tokens"] == prune()["tokens"] == 1
    assert ended.get("/memories").status_code == 401
    assert kept.get("/memories").status_code == 200
    assert Token.objects.count() == 1


def test_it_asks_the_database_once(owner: Any, api: Api) -> None:
    for _ in range(3):
        client = api(owner, ["read"])
    client.get("/memories")
    with CaptureQueriesContext(connection) as queries:
        client.get("/memories")
    assert sum("accounts_token" in query["sql"] for query in queries) == 1
