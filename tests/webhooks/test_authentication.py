"""How requests are proven: the same for every sender and each of its dialects."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.test import Client
from pytest_django import Settings

from tests.sender import Sender, omi_signature
from webhooks.inbox import authentication
from webhooks.inbox.endpoints import create, end_overlap, rotate
from webhooks.inbox.provider import Dialect, Provider
from webhooks.models import Delivery, Endpoint, Policy
from webhooks.providers.registry import PROVIDERS

SECRET, NEXT = "whsec_the-first-of-two", "whsec_the-second-of-two"


def omi(raw: bytes, secret: str, query: dict[str, str]) -> tuple[str, str]:
    return "X-Omi-Signature", omi_signature(raw, secret, query["uid"])


def storage(raw: bytes, secret: str, _: dict[str, str]) -> tuple[str, str]:
    return "X-Supabase-Signature", hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


SIGNS: dict[str, Callable[[bytes, str, dict[str, str]], tuple[str, str]]] = {
    "omi": omi,
    "storage": storage,
}


@dataclass
class Caller:
    """Who speaks one dialect, to an endpoint of the owner's."""

    dialect: Dialect
    sender: Sender

    def __post_init__(self) -> None:
        sample = self.dialect.samples()[0]
        self.raw, self.query = json.dumps(sample.body).encode(), dict(sample.query)

    @property
    def name(self) -> str:
        return self.sender.endpoint.provider

    def calls(self, token: str | None = None, **headers: str) -> Any:
        authentication.cache.clear()  # what three seconds do
        headers["Idempotency-Key"] = str(uuid4())
        return self.sender.post(self.raw, token=token, query=self.query, headers=headers)

    def calls_plainly(self, headers: dict[str, str] | None = None, **query: str) -> Any:
        """To the address that holds no token."""
        address = {"omi": "/omi-webhook", "storage": "/storage/c3d-upload-optimized"}[self.name]
        return self.sender.post_to(address, self.raw, query=self.query | query, headers=headers)

    def signs(self, secret: str = SECRET, raw: bytes | None = None) -> dict[str, str]:
        header, signature = SIGNS[self.name](raw or self.raw, secret, self.query)
        return {header: signature}

    def signature(self) -> str:
        """Of what was stored last."""
        return Delivery.objects.latest("id").signature


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


@pytest.fixture(
    params=[(sender, dialect) for sender in PROVIDERS.values() for dialect in sender.dialects],
    ids=lambda pair: f"{pair[0].name}-{pair[1].name}",
)
def caller(
    request: pytest.FixtureRequest,
    transactional_db: None,
    owner: Any,
    settings: Settings,
    media: Path,
) -> Caller:
    provider: Provider
    provider, dialect = request.param
    settings.MEDIA_ROOT, settings.STORAGE_BUCKETS = media, ["another"]
    endpoint = Endpoint(owner=owner, provider=provider.name, name="Mine")
    return Caller(dialect, Sender(Client(), endpoint, str(create(endpoint).token)))


@pytest.fixture
def signed(caller: Caller) -> Caller:
    rotate(caller.sender.endpoint, secret=SECRET)
    Endpoint.objects.update(policy=Policy.BOTH)
    return caller


def code(answer: Any) -> str:
    assert answer.status_code == 401
    return str(answer.json()["errors"][0]["code"])


def test_it_takes_the_token_and_reads_the_dialect(caller: Caller) -> None:
    assert caller.calls().status_code == 200
    (delivery,) = Delivery.objects.all()
    assert (delivery.dialect, delivery.signature) == (caller.dialect.name, "")


def test_it_takes_the_token_from_each_place(caller: Caller) -> None:
    token = caller.sender.token
    assert caller.calls_plainly({"Authorization": f"Bearer {token}"}).status_code == 200
    assert caller.calls_plainly({"X-Webhook-Token": token}).status_code == 200
    assert caller.calls_plainly(token=token).status_code == 200


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1), slice(16)])
def test_it_refuses_a_part_of_the_token(caller: Caller, cut: slice) -> None:
    assert code(caller.calls(caller.sender.token[cut])) == "wrong_token"


def test_it_refuses_no_token_and_a_wrong_one(caller: Caller) -> None:
    assert code(caller.calls_plainly()) == "no_token"
    assert code(caller.calls("x" * 43)) == "wrong_token"
    assert not Delivery.objects.exists()


def test_it_refuses_the_token_of_another_sender(caller: Caller, owner: Any) -> None:
    other = next(name for name in PROVIDERS if name != caller.name)
    made = create(Endpoint(owner=owner, provider=other, name="Another"))
    assert code(caller.calls(made.token)) == "wrong_token"


def test_it_refuses_what_is_off_and_whose_owner_is_gone(caller: Caller, owner: Any) -> None:
    owner.is_active = False
    owner.save()
    assert code(caller.calls()) == "wrong_token"
    owner.is_active = True
    owner.save()
    Endpoint.objects.update(enabled=False)
    assert code(caller.calls()) == "wrong_token"


def test_it_takes_the_old_token_for_the_overlap(caller: Caller) -> None:
    made = rotate(caller.sender.endpoint, new_token=True, overlap=timedelta(hours=1))
    assert [caller.calls(token).status_code for token in (None, made.token)] == [200, 200]
    Endpoint.objects.update(previous_token_until=Now())
    assert code(caller.calls()) == "wrong_token"
    assert caller.calls(made.token).status_code == 200


def test_it_takes_no_jwt_for_a_token(caller: Caller) -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    jwt = {"Authorization": f"Bearer {header}.eyJpc3MiOiJhcGkifQ.c2lnbmVk"}
    assert code(caller.calls_plainly(jwt)) == "no_token"
    assert caller.calls_plainly(jwt, token=caller.sender.token).status_code == 200
    assert code(caller.calls_plainly({"Authorization": "Bearer not.a.jwt"})) == "wrong_token"


def test_it_takes_what_is_signed(signed: Caller) -> None:
    assert signed.calls(**signed.signs()).status_code == 200
    assert signed.signature() == "valid"


def test_it_refuses_what_is_not_signed(signed: Caller) -> None:
    assert code(signed.calls()) == "no_signature"
    assert code(signed.calls(**signed.signs("whsec_of-somebody-else"))) == "wrong_signature"
    assert code(signed.calls(**signed.signs(raw=signed.raw + b" "))) == "wrong_signature"
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("cut", [slice(0), slice(1), slice(-1), slice(None, None, -1)])
def test_it_refuses_a_part_of_the_signature(signed: Caller, cut: slice) -> None:
    parts = {header: value[cut] for header, value in signed.signs().items()}
    assert code(signed.calls(**parts)) == "wrong_signature"


def test_it_refuses_a_signature_under_a_wrong_token(signed: Caller) -> None:
    assert code(signed.calls("x" * 43, **signed.signs())) == "wrong_token"


def test_it_refuses_a_wrong_signature_also_where_the_token_is_enough(signed: Caller) -> None:
    Endpoint.objects.update(policy=Policy.TOKEN)
    assert signed.calls().status_code == 200
    assert code(signed.calls(**signed.signs(NEXT))) == "wrong_signature"


def test_it_takes_the_old_secret_for_the_overlap(signed: Caller) -> None:
    rotate(signed.sender.endpoint, secret=NEXT, overlap=timedelta(hours=1))
    assert signed.calls(**signed.signs(NEXT)).status_code == 200
    assert signed.calls(**signed.signs()).status_code == 200
    assert signed.signature() == "previous secret"
    Endpoint.objects.update(previous_secret_until=Now())
    assert code(signed.calls(**signed.signs())) == "wrong_signature"


def test_it_refuses_the_old_secret_after_the_overlap(signed: Caller) -> None:
    rotate(signed.sender.endpoint, secret=NEXT)
    end_overlap(signed.sender.endpoint)
    answer = signed.calls(**signed.signs())
    assert code(answer) == "wrong_signature"
    assert "the old secret was used" in answer.content.decode()


def test_it_finds_the_endpoint_by_its_signature_alone(signed: Caller, owner: Any) -> None:
    rotate(create(Endpoint(owner=owner, provider=signed.name, name="Other")).endpoint, secret=NEXT)
    Endpoint.objects.update(policy=Policy.SIGNATURE)
    assert signed.calls_plainly(signed.signs()).status_code == 200
    assert Delivery.objects.get().endpoint == signed.sender.endpoint
    assert code(signed.calls_plainly(signed.signs("whsec_nobody-s"))) == "wrong_signature"


def test_it_asks_for_a_secret_before_a_signature(caller: Caller) -> None:
    Endpoint.objects.update(policy=Policy.BOTH)
    assert code(caller.calls(**caller.signs())) == "no_secret"


def test_it_tells_nobody_of_the_body_who_proves_nothing(signed: Caller) -> None:
    signed.raw = b"{"
    assert code(signed.calls()) == "no_signature"
    assert signed.calls(**signed.signs()).status_code == 400


def test_every_sender_of_the_table_is_tried() -> None:
    assert set(SIGNS) == set(PROVIDERS)
