"""Somebody has a dump of the database: nothing in it opens anything."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from omibackend.accounts.privacy import erasure
from omibackend.core.postgres.crypto import keyed_hash
from tests.accounts.canaries import dump
from tests.conftest import payload, work
from tests.sender import Sender

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]
PASSWORD = "a long enough passphrase"
UID = "uid-0123456789"


@pytest.fixture
def secrets(omi: Sender, api: Api, tmp_path: Path, settings: Any) -> dict[str, str]:
    """Every kind of live secret, by what it is."""
    settings.MEDIA_ROOT = tmp_path
    owner = omi.endpoint.owner
    body = {"email": owner.email, "password": PASSWORD}
    device = APIClient().post("/auth/login", body, format="json").json()["token"]
    named = {"name": "Script", "scopes": ["read"]}
    program = api(owner).post("/tokens", named, format="json").json()["token"]
    browser = Client()
    browser.force_login(owner)
    browser.get("/auth/me")
    omi.endpoint.secret = "whsec_the-signing-secret"
    omi.endpoint.save()
    omi.post(payload("omi/memory_created__full"))
    bearer = {"Authorization": f"Bearer {omi.token}", "X-Webhook-Token": omi.token}
    omi.post_to("/omi-webhook", {"segments": []}, headers=bearer)
    omi.post_to(f"/omi-webhook?uid=u&token={omi.token}", {"segments": []}, query={})
    api(owner).get("/account/export")
    work("inbox", "ai", "accounts")
    return {
        "device": device,
        "program": program,
        "browser": browser.cookies[settings.SESSION_COOKIE_NAME].value,
        "endpoint": omi.token,
        "signing": omi.endpoint.secret,
        "password": PASSWORD,
        "key": settings.SECRET_KEY,
    }


def test_it_holds_none_of_them(secrets: dict[str, str]) -> None:
    found = dump()
    assert "nadia@example.org" in found["accounts_user.email"]
    for kind, secret in secrets.items():
        assert [name for name, text in found.items() if secret in text] == [], kind


def test_it_hashes_passwords_slowly_and_with_salt(secrets: dict[str, str]) -> None:
    assert dump()["accounts_user.password"].startswith("argon2$argon2id$")


def test_it_opens_nothing_with_what_it_holds(secrets: dict[str, str]) -> None:
    """Each word of the dump that could be a token, tried as one."""
    words = {
        word
        for name, text in dump().items()
        if not name.endswith((".body", ".attempt_log"))
        for word in re.findall(r"[A-Za-z0-9_-]{16,200}", text)
    }
    assert len(words) > 20
    for word in words:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {word}")
        assert client.get("/preferences").status_code == 401
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = word
        assert browser.get("/preferences").status_code == 401


def test_it_keeps_codes_that_cannot_be_guessed_without_the_key(settings: Any) -> None:
    kept = keyed_hash("code", "123456")
    settings.SECRET_KEY = "another key of more than thirty-two characters"
    assert kept not in {keyed_hash("code", f"{number:06}") for number in range(123_400, 123_500)}


def test_it_names_no_erased_uid(owner: Any, secrets: dict[str, str]) -> None:
    assert not erasure.is_erased_uid(UID)
    assert UID not in " ".join(dump().values())
