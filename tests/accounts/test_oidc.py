"""Sign-in by OpenID Connect, against a real issuer."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib import reload
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.urls import clear_url_caches, reverse

import omibackend.urls
from omibackend.accounts.api import urls
from omibackend.accounts.models import BrowserSession, Token, User
from tests.accounts.issuer import CLIENT_ID, CLIENT_SECRET, Issuer
from tests.sender import Sender

pytestmark = pytest.mark.django_db
LOGIN = "/auth/oidc/sso/login"


def _reload_urls() -> None:
    clear_url_caches()
    reload(urls)
    reload(omibackend.urls)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    server = Issuer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app = {
        "provider_id": "sso",
        "name": "Home",
        "client_id": CLIENT_ID,
        "secret": CLIENT_SECRET,
        "settings": {"server_url": server.url},
    }
    providers = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    with monkeypatch.context() as patch:
        patch.setattr(settings, "OIDC", {"OIDC_NAME": "Home"})
        patch.setattr(settings, "SOCIALACCOUNT_PROVIDERS", providers)
        _reload_urls()
        yield server
    _reload_urls()
    server.shutdown()
    server.server_close()


def begin(client: Client, path: str = LOGIN) -> str:
    """Follows the issuer's redirect: the path and query of our callback."""
    answer = client.get(path)
    assert answer.status_code == 302, answer.content
    return httpx.get(answer["Location"]).headers["Location"].removeprefix("http://testserver")


def sign_in(client: Client) -> Any:
    return client.get(begin(client))


def test_it_makes_an_account_and_a_session(issuer: Issuer, client: Client) -> None:
    answer = sign_in(client)
    assert (answer.status_code, answer["Location"]) == (302, "/auth/me")
    me = client.get("/auth/me").json()
    assert (me["email"], me["name"], me["has_password"]) == (
        "nadia@example.org",
        "Nadia B.",
        False,
    )
    assert issuer.asked["code_challenge_method"] == "S256"


def test_it_knows_a_person_again_by_the_issuers_id(issuer: Issuer, client: Client) -> None:
    sign_in(client)
    issuer.claims["email"] = "moved@example.org"
    again = Client()
    sign_in(again)
    assert again.get("/auth/me").json()["email"] == "nadia@example.org"
    assert User.objects.count() == 1


@pytest.mark.parametrize("verified", [False, None, "absent"])
def test_it_wants_a_verified_address(issuer: Issuer, client: Client, verified: Any) -> None:
    issuer.claims["email_verified"] = verified
    if verified == "absent":
        del issuer.claims["email_verified"]
    answer = sign_in(client)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "email_not_verified")
    assert not User.objects.exists()
    assert client.get("/auth/me").status_code == 401


def test_it_takes_over_an_address_that_somebody_else_may_have_registered(
    issuer: Issuer, owner: Any, client: Client
) -> None:
    Token.objects.create(owner)
    other = Client()
    other.force_login(owner)
    sign_in(client)
    assert client.get("/auth/me").json()["email"] == owner.email
    owner.refresh_from_db()
    assert not owner.has_usable_password()
    assert not Token.objects.exists()
    assert other.get("/auth/me").status_code == 401


def test_it_leaves_a_known_one_its_tokens(issuer: Issuer, client: Client) -> None:
    sign_in(client)
    Token.objects.create(User.objects.get())
    sign_in(Client())
    assert Token.objects.exists()
    assert BrowserSession.objects.filter(user_id__isnull=False).count() == 2


def test_it_lets_no_switched_off_account_in(issuer: Issuer, client: Client) -> None:
    sign_in(client)
    User.objects.update(is_active=False)
    again = Client()
    assert sign_in(again).status_code == 403
    assert again.get("/auth/me").status_code == 401


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied", "?code=x"])
def test_it_refuses_an_answer_that_it_did_not_ask_for(
    issuer: Issuer, client: Client, query: str
) -> None:
    answer = client.get(f"{LOGIN}/callback{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, "sign_in_failed")


def test_it_refuses_another_browsers_answer(issuer: Issuer, client: Client) -> None:
    stolen = begin(Client())
    assert client.get(stolen).status_code == 401


def test_it_refuses_a_token_for_somebody_else(issuer: Issuer, client: Client) -> None:
    issuer.audience = "another-client"
    assert sign_in(client).status_code == 401
    assert not User.objects.exists()


@pytest.mark.parametrize("process", ["connect", "redirect"])
def test_it_does_nothing_but_sign_in(issuer: Issuer, client: Client, process: str) -> None:
    back = begin(client, f"{LOGIN}?process={process}")
    assert client.get(back).status_code == 400


def test_it_goes_to_no_other_site_afterwards(issuer: Issuer, client: Client) -> None:
    back = begin(client, f"{LOGIN}?next=https://elsewhere.example/")
    assert client.get(back)["Location"] == "/auth/me"


def test_it_answers_when_the_issuer_does_not(issuer: Issuer, client: Client) -> None:
    issuer.shutdown()
    issuer.server_close()
    assert client.get(LOGIN).status_code == 503


def test_it_gives_a_program_a_token(issuer: Issuer) -> None:
    client = Client(enforce_csrf_checks=True)
    sign_in(client)
    client.get("/auth/me")
    header = {"X-CSRFToken": client.cookies["omi_csrf"].value}
    body = {"name": "Script", "scopes": ["read"]}
    made = client.post("/tokens", body, content_type="application/json", headers=header)
    assert made.status_code == 201


def test_it_erases_without_a_password(issuer: Issuer, client: Client) -> None:
    sign_in(client)
    answer = client.delete("/account", {}, content_type="application/json")
    assert answer.status_code == 202
    assert client.get("/auth/me").status_code == 401


def test_it_shows_the_way_on_the_login_page(issuer: Issuer, client: Client) -> None:
    page = client.get(reverse("admin:login")).content.decode()
    assert f'href="{LOGIN}"' in page
    assert "Sign in with Home" in page
    assert client.get("/api/info").json()["features"]["openIdConnect"] is True


def test_it_is_not_there_without_the_names(client: Client) -> None:
    assert client.get(LOGIN).status_code == 404
    assert client.get(f"{LOGIN}/callback").status_code == 404
    assert "oidc" not in client.get(reverse("admin:login")).content.decode()


def test_it_refuses_half_a_setting_by_name() -> None:
    env = {**os.environ, "OIDC_ISSUER_URL": "https://login.example.org", "OIDC_NAME": "Home"}
    argv = [sys.executable, "manage.py", "check"]
    done = subprocess.run(
        argv, env=env, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "OIDC_CLIENT_ID, OIDC_CLIENT_SECRET must be set too" in done.stderr


def test_it_costs_webhooks_nothing(
    issuer: Issuer, omi: Sender, django_assert_num_queries: Any
) -> None:
    said = {"segments": [{"text": "It rains.", "start": 1, "end": 2, "is_user": True}]}
    omi.post(said)
    with django_assert_num_queries(0):  # but for the INSERT, which bypasses Django's cursor
        assert omi.post(said).status_code == 200
