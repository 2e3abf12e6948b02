"""A person's endpoints over REST."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from memories.models import Memory
from omibackend.accounts.models import Scope
from tests.conftest import payload, work
from tests.sender import Sender
from tests.webhooks.stored import dead, stored
from tests.webhooks.test_admin_endpoints import refuse
from webhooks.inbox import authentication
from webhooks.models import Delivery, Endpoint

TRANSCRIPT: dict[str, list[str]] = {"segments": []}


def make(client: Any, **fields: Any) -> Any:
    body = json.dumps({"provider": "omi", "name": "Mine", **fields})
    return client.post("/endpoints", body, content_type="application/json")


def sends(url: str, **options: Any) -> int:
    authentication.cache.clear()
    path = url.removeprefix("http://testserver")
    answer = Client().post(f"{path}?uid=u", TRANSCRIPT, "application/json", **options)
    return answer.status_code


def path(endpoint: Endpoint, more: str = "") -> str:
    return f"/endpoints/{endpoint.pk}{more}"


def test_it_makes_an_address_that_works_and_shows_it_once(owner: Any, api: Any) -> None:
    answer = make(api(owner))
    assert answer.status_code == 201
    made = answer.json()
    assert made["url"] == f"http://testserver/webhooks/omi/{made['token']}/"
    assert made["curl"].startswith(f"curl -s '{made['url']}?uid=")
    assert (made["secret"], made["policy"], made["signed"]) == (None, "token", False)
    assert sends(made["url"]) == 200
    shown = api(owner).get(f"/endpoints/{made['id']}").json()
    assert made["token"] not in str(shown)
    assert shown["token_hint"] == made["token"][-4:]
    assert Endpoint.objects.get().owner == owner


@pytest.mark.parametrize(
    ("fields", "policy"),
    [({"signed": True}, "both"), ({"policy": "signature"}, "signature")],
)
def test_it_makes_a_secret_with_a_signed_one(
    owner: Any, api: Any, fields: dict[str, Any], policy: str
) -> None:
    made = make(api(owner), **fields).json()
    assert made["policy"] == policy
    assert Endpoint.objects.get().secret == made["secret"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret, token_hash FROM webhooks_endpoint")
        assert made["secret"] not in str(cursor.fetchone())
    assert sends(made["url"]) == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"provider": "fax"},
        {"name": " "},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"name": 5},
        {"name": "\ud800"},
        {"policy": "none"},
        {"signed": "yes"},
        {"rate_limit_per_minute": 0},
        {"rate_limit_per_minute": 1.5},
        {"shared": True},
        {"owner": 1},
    ],
)
def test_it_refuses_what_it_does_not_know(owner: Any, api: Any, wrong: dict[str, Any]) -> None:
    answer = make(api(owner), **wrong)
    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    assert not Endpoint.objects.exists()


def test_it_leaves_endpoints_of_a_store_to_staff(owner: Any, api: Any) -> None:
    answer = make(api(owner), provider="storage")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == "provider"
    assert not Endpoint.objects.exists()


def test_it_lists_ones_own_with_their_health_at_a_fixed_cost(
    omi: Sender, owner: Any, api: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        Endpoint.objects.create(
            owner=owner, provider="omi", name=str(number), token_hash=str(number)
        )
    stored(omi.endpoint, signature="valid")
    client = api(owner)
    client.get("/endpoints")
    with django_assert_max_num_queries(5):  # three for the token, the page, the health of all
        found = client.get("/endpoints").json()
    assert [row["health"]["state"] for row in found["results"]] == [*["unused"] * 3, "fine"]
    assert found["results"][3]["health"]["last_signature"] == "valid"
    first = client.get("/endpoints?page_size=3").json()
    assert [row["name"] for row in client.get(first["next"]).json()["results"]] == ["Nadia's Omi"]


def test_it_tells_the_last_error_and_refusals_in_a_row(omi: Sender, api: Any) -> None:
    dead(omi.endpoint, at=timezone.now() - timedelta(hours=1), last_error="Away.")
    stored(omi.endpoint, at=timezone.now() - timedelta(minutes=1))
    refuse(omi.endpoint, 3)
    found = api(omi.endpoint.owner).get(path(omi.endpoint)).json()["health"]
    assert (found["state"], found["running_failures"]) == ("refused", 3)
    assert (found["last_error"], found["sender_may_switch_off"]) == ("Away.", False)
    assert found["last_error_at"] < found["last_delivery_at"]


def test_it_warns_before_the_sender_switches_it_off(omi: Sender, api: Any) -> None:
    refuse(omi.endpoint, 20)
    found = api(omi.endpoint.owner).get(path(omi.endpoint)).json()["health"]
    assert (found["state"], found["sender_may_switch_off"]) == ("at_risk", True)
    assert found["words"] == "refused 20 times in a row"


def test_it_changes_the_settings_and_nothing_else(omi: Sender, api: Any) -> None:
    changes = {"name": "Kitchen", "enabled": False, "rate_limit_per_minute": 60}
    answer = api(omi.endpoint.owner).patch(path(omi.endpoint), changes, format="json")
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in changes} == changes
    assert Endpoint.objects.get().token_hash == omi.endpoint.token_hash
    assert sends(f"/webhooks/omi/{omi.token}/") == 401


def test_it_asks_for_no_signature_without_a_secret(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    answer = client.patch(path(omi.endpoint), {"policy": "both"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "no_secret")
    client.post(path(omi.endpoint, "/rotate"), {"what": "secret"}, format="json")
    answer = client.patch(path(omi.endpoint), {"policy": "both"}, format="json")
    assert answer.json()["policy"] == "both"


def test_it_takes_the_old_token_until_it_is_retired(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    made = client.post(path(omi.endpoint, "/rotate"), {}, format="json").json()
    old = f"/webhooks/omi/{omi.token}/"
    assert (sends(made["url"]), sends(old)) == (200, 200)
    assert (made["old_token_accepted"], made["secret"]) == (True, None)
    assert client.delete(path(omi.endpoint, "/rotate")).status_code == 204
    assert (sends(made["url"]), sends(old)) == (200, 401)


def test_it_takes_the_old_token_for_as_long_as_said(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    client.post(path(omi.endpoint, "/rotate"), {"overlap_s": 3600}, format="json")
    old = f"/webhooks/omi/{omi.token}/"
    assert sends(old) == 200
    Endpoint.objects.update(previous_token_until=Now())
    assert sends(old) == 401
    assert client.get(path(omi.endpoint)).json()["old_token_accepted"] is False


def test_it_ends_the_old_token_at_once_if_asked(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    client.post(path(omi.endpoint, "/rotate"), {"overlap_s": 0}, format="json")
    assert sends(f"/webhooks/omi/{omi.token}/") == 401


def test_it_ends_the_token_before_the_last_at_the_next_rotation(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    second = client.post(path(omi.endpoint, "/rotate"), {}, format="json").json()
    third = client.post(path(omi.endpoint, "/rotate"), {}, format="json").json()
    answers = [sends(f"/webhooks/omi/{omi.token}/"), sends(second["url"]), sends(third["url"])]
    assert answers == [401, 200, 200]


def test_it_takes_both_secrets_for_as_long_as_said(omi: Sender, api: Any) -> None:
    client = api(omi.endpoint.owner)
    made = client.post(path(omi.endpoint, "/rotate"), {"what": "both"}, format="json").json()
    token, first = made["token"], made["secret"]
    given = {"what": "secret", "new_secret": "whsec_of-the-sender", "overlap_s": 60}
    answer = client.post(path(omi.endpoint, "/rotate"), given, format="json").json()
    assert (answer["token"], answer["url"], answer["old_secret_accepted"]) == (None, None, True)
    omi.token = token
    for secret in (first, "whsec_of-the-sender"):
        authentication.cache.clear()
        assert omi.signed(TRANSCRIPT, secret).status_code == 200
    Endpoint.objects.update(previous_secret_until=Now())
    authentication.cache.clear()
    assert omi.signed(TRANSCRIPT, first).status_code == 401
    assert client.get(path(omi.endpoint)).json()["old_secret_accepted"] is False


@pytest.mark.parametrize(
    "wrong", [{"what": "all"}, {"overlap_s": -1}, {"overlap_s": "1"}, {"new_secret": "short"}]
)
def test_it_refuses_an_odd_rotation(omi: Sender, api: Any, wrong: dict[str, Any]) -> None:
    answer = api(omi.endpoint.owner).post(path(omi.endpoint, "/rotate"), wrong, format="json")
    assert answer.status_code == 400
    assert Endpoint.objects.get().token_hash == omi.endpoint.token_hash


def test_it_deletes_the_raw_deliveries_and_keeps_what_they_became(
    omi: Sender, api: Any, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user("o@example.org", "a long enough passphrase")
    kept = Endpoint.objects.create(owner=other, provider="omi", name="Other", token_hash="x")
    stored(kept)
    omi.post(payload("omi/memory_created__full"))
    work("inbox")
    assert api(omi.endpoint.owner).delete(path(omi.endpoint)).status_code == 204
    assert Delivery.objects.get().endpoint == kept
    assert Endpoint.objects.get() == kept
    assert Memory.objects.get().delivery_id
    authentication.cache.clear()
    assert omi.post(TRANSCRIPT).status_code == 401


ROUTES = [("get", ""), ("patch", ""), ("delete", ""), ("post", "/rotate"), ("delete", "/rotate")]


@pytest.mark.parametrize(("method", "more"), ROUTES)
def test_it_knows_nothing_of_anothers(
    omi: Sender, staff: Any, api: Any, method: str, more: str
) -> None:
    client = api(staff)
    for pk in (omi.endpoint.pk, uuid4(), "-" * 36):
        answer = getattr(client, method)(f"/endpoints/{pk}{more}", {}, format="json")
        assert answer.status_code == 404
    assert Endpoint.objects.get().token_hash == omi.endpoint.token_hash
    assert client.get("/endpoints/").json()["results"] == []


@pytest.mark.parametrize(("method", "more"), ROUTES)
def test_it_wants_the_person_for_changes(omi: Sender, api: Any, method: str, more: str) -> None:
    every = [str(scope) for scope in Scope]
    program = api(omi.endpoint.owner, every)
    answer = getattr(program, method)(path(omi.endpoint, more), {}, format="json")
    assert answer.status_code == (200 if method == "get" else 403)
    assert getattr(api(), method)(path(omi.endpoint, more)).status_code == 401


def test_it_lets_no_program_make_one(owner: Any, api: Any) -> None:
    assert make(api(owner, ["read", "write"])).status_code == 403
    assert api(owner, ["chat"]).get("/endpoints").status_code == 403
