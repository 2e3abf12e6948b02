import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from omibackend.core.errors import Refused
from omibackend.core.postgres.crypto import token_hash
from omibackend.core.redis import soft_redis
from tests.ops.test_shell import grant
from tests.sender import Sender
from tests.webhooks.stored import stored
from webhooks.inbox import authentication, refusals
from webhooks.inbox.endpoints import rotate
from webhooks.inbox.provider import Incoming
from webhooks.models import Endpoint

LIST = "/admin/webhooks/endpoint/"
CONFIRMED = {"_form_submitted": "1"}


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def page_of(endpoint: Endpoint, name: str = "change") -> str:
    return reverse(f"admin:webhooks_endpoint_{name}", args=[endpoint.pk])


def act(client: Client, endpoint: Endpoint, action: str, **form: str) -> Any:
    address = page_of(endpoint).replace("/change/", f"/{action}/")
    before = Endpoint.objects.values().get(pk=endpoint.pk)
    assert client.get(address).status_code == 200
    assert Endpoint.objects.values().get(pk=endpoint.pk) == before
    return client.post(address, {**CONFIRMED, **form}, headers={"HX-Request": "true"})


def shown_once(html: str) -> list[str]:
    return [unescape(value) for value in re.findall(r'<code class="ob-once"[^>]*>([^<]+)<', html)]


def refuse(endpoint: Endpoint, times: int = 1) -> None:
    incoming = Incoming(
        body=b"secret words",
        content_type="application/json",
        headers={"x-omi-signature": "••••ab12"},
        query={},
        remote_addr=None,
    )
    refused = Refused(401, "wrong_signature", "Refused: the old secret was used.")
    for _ in range(times):
        refusals.note(endpoint.pk, refused, incoming)


def new(client: Client, owner: Any, policy: str = "token") -> Any:
    form = {"name": "Kitchen", "provider": "omi", "owner": owner.pk, "policy": policy}
    return client.post(f"{LIST}add/", {**form, "rate_limit_per_minute": "", "enabled": "on"})


def test_it_shows_the_address_of_a_new_endpoint_once(owner: Any, admin: Client) -> None:
    response = new(admin, owner)
    address, token, curl = shown_once(response.content.decode())
    endpoint = Endpoint.objects.get()
    assert endpoint.token_hash == token_hash(token)
    assert address.endswith(f"/webhooks/omi/{token}/")
    assert curl.startswith(f"curl -s '{address}?uid=")
    assert "no-store" in response["Cache-Control"]
    assert token not in admin.get(page_of(endpoint)).content.decode()
    assert (
        Client().post(f"/webhooks/omi/{token}/?uid=u", "[]", "application/json").status_code == 200
    )


def test_it_makes_a_secret_where_a_signature_is_asked_for(owner: Any, admin: Client) -> None:
    *_, secret = shown_once(new(admin, owner, "both").content.decode())
    assert Endpoint.objects.get().secret == secret
    assert secret.startswith("whsec_")


def test_it_rotates_a_secret_and_shows_it_once(omi: Sender, admin: Client) -> None:
    Endpoint.objects.update(secret="")
    first = shown_once(act(admin, omi.endpoint, "rotate-secret", secret="").content.decode())
    second = shown_once(act(admin, omi.endpoint, "rotate-secret", secret="").content.decode())
    endpoint = Endpoint.objects.get()
    assert [endpoint.previous_secret, endpoint.secret] == [*first, *second]
    assert endpoint.previous_secret_live
    assert second[0] not in admin.get(page_of(endpoint)).content.decode()


def test_it_takes_the_secret_that_the_sender_made(omi: Sender, admin: Client) -> None:
    response = act(admin, omi.endpoint, "rotate-secret", secret="whsec_made-by-the-sender")
    assert Endpoint.objects.get().secret == "whsec_made-by-the-sender"
    assert "whsec_made" not in response.content.decode()
    act(admin, omi.endpoint, "rotate-secret", secret="short")
    assert Endpoint.objects.get().secret == "whsec_made-by-the-sender"


def test_it_retires_the_old_secret(omi: Sender, admin: Client) -> None:
    endpoint = omi.endpoint
    assert "retire-old-secret" not in admin.get(page_of(endpoint)).content.decode()
    for secret in ("whsec_one", "whsec_two"):
        rotate(endpoint, secret=secret)
    html = admin.get(page_of(endpoint)).content.decode()
    assert "retire-old-secret" in html
    assert "it can be retired" in html
    response = act(admin, endpoint, "retire-old-secret")
    assert response["HX-Redirect"] == page_of(endpoint)
    assert not Endpoint.objects.get().previous_secret_live


def test_it_makes_a_new_token_and_the_old_one_stops(omi: Sender, admin: Client) -> None:
    _, token, _ = shown_once(act(admin, omi.endpoint, "new-token").content.decode())
    authentication.cache.clear()
    assert omi.post([]).status_code == 401
    assert omi.post([], token=token).status_code == 200


def test_it_changes_the_settings_but_not_the_sender(omi: Sender, owner: Any, admin: Client) -> None:
    form = {"name": "Renamed", "provider": "other", "owner": owner.pk, "policy": "token"}
    admin.post(page_of(omi.endpoint), {**form, "rate_limit_per_minute": "60"})
    endpoint = Endpoint.objects.get()
    assert (endpoint.name, endpoint.provider) == ("Renamed", "omi")
    assert (endpoint.rate_limit_per_minute, endpoint.enabled) == (60, False)
    assert endpoint.token_hash == omi.endpoint.token_hash


def test_it_shows_why_requests_were_refused(omi: Sender, admin: Client) -> None:
    refuse(omi.endpoint, times=25)
    html = admin.get(page_of(omi.endpoint)).content.decode()
    assert "Refused 25 times in a row." in html
    assert "100 failures in a row" in html
    assert html.count("Refused: the old secret was used.") == refusals.SAMPLES
    assert "••••ab12" in html
    assert "secret words" not in html


def test_it_shows_what_is_only_counted(omi: Sender, admin: Client) -> None:
    key = f"counted:{omi.endpoint.pk}"
    soft_redis.client().hset(key, "audio_bytes:requests", 4211)
    soft_redis.client().hset(key, "audio_bytes:bytes", 734_003_200)
    html = admin.get(page_of(omi.endpoint)).content.decode()
    assert "4\u202f211 × audio_bytes" in html
    assert "734 MB" in html


@pytest.mark.parametrize(
    ("refused", "fields", "health"),
    [
        (0, {}, "fine"),
        (3, {}, "refused 3 times in a row"),
        (0, {"state": "dead", "last_error": "Away."}, "last one failed"),
    ],
)
def test_it_lists_the_health(
    omi: Sender, admin: Client, refused: int, fields: dict[str, str], health: str
) -> None:
    stored(omi.endpoint, at=timezone.now() - timedelta(minutes=1), **fields)
    refuse(omi.endpoint, refused)
    html = admin.get(LIST).content.decode()
    assert health in html
    assert "60 s ago" in html or "61 s ago" in html


def test_it_is_deleted_only_while_unused(omi: Sender, admin: Client) -> None:
    stored(omi.endpoint)
    assert admin.post(page_of(omi.endpoint, "delete"), {"post": "yes"}).status_code == 403
    omi.endpoint.deliveries.all().delete()
    assert admin.post(page_of(omi.endpoint, "delete"), {"post": "yes"}).status_code == 302
    assert not Endpoint.objects.exists()


def test_it_shows_no_deliveries_to_who_may_not_see_them(
    omi: Sender, django_user_model: Any
) -> None:
    stored(omi.endpoint, event="memory_created")
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    client = grant(person, "webhooks.view_endpoint")
    html = client.get(page_of(omi.endpoint)).content.decode()
    assert "memory_created" not in html
    assert (
        client.post(page_of(omi.endpoint).replace("change", "new-token"), CONFIRMED).status_code
        == 403
    )
