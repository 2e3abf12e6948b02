import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from omibackend.core.redis import soft_redis
from omibackend.core.work.leased import State
from tests.conftest import payload
from tests.sender import Sender, omi_signature
from webhooks.inbox import refusals
from webhooks.inbox.endpoints import rotate
from webhooks.inbox.fast_path.statements import store
from webhooks.inbox.provider import Incoming, KnownEndpoint, Parsed, Proof
from webhooks.models import Delivery, Endpoint, Policy
from webhooks.providers.registry import PROVIDERS

TRANSCRIPT = payload("omi/realtime_transcript__next_batch")


def error_of(response: Any) -> dict[str, Any]:
    body = response.json()
    assert body["type"] in ("client_error", "server_error")
    return dict(body["errors"][0])


def test_it_stores_the_body_byte_for_byte_before_it_answers(omi: Sender) -> None:
    raw = b'{"segments": [],  "session_id":"\xc3\xa9"}'
    response = omi.post(raw)
    assert response.status_code == 200
    assert response.json() == {}
    stored = Delivery.objects.get(pk=response["X-Delivery-ID"])
    assert stored.raw() == raw
    assert bytes(stored.body_sha256) == hashlib.sha256(raw).digest()
    assert (stored.state, stored.event) == (State.PENDING, "realtime_transcript")


@pytest.mark.parametrize(
    "body", [bytes(range(256)), b"\x00", "\\ ' \\x41 %s 🙂 \ufeff".encode(), b"", b"\xff\xfe"]
)
def test_it_stores_any_bytes_as_they_are(omi: Sender, body: bytes) -> None:
    incoming = Incoming(body, "application/octet-stream", {}, {}, None)
    known = KnownEndpoint(omi.endpoint.pk, omi.endpoint.owner_id, Policy.TOKEN, None, "", "", False)
    proof = Proof(known, PROVIDERS["omi"].dialects[0])
    kept = store(PROVIDERS["omi"], proof, incoming, Parsed("other"))
    assert Delivery.objects.get(pk=kept.id).raw() == body


@pytest.mark.parametrize("place", ["path", "bearer", "header", "query"])
def test_it_takes_the_token_from_each_place(omi: Sender, place: str) -> None:
    path = "/omi-webhook"
    headers, query = {}, {"uid": "u"}
    if place == "path":
        path = f"/webhooks/omi/{omi.token}"
    elif place == "bearer":
        headers = {"Authorization": f"Bearer {omi.token}"}
    elif place == "header":
        headers = {"X-Webhook-Token": omi.token}
    else:
        query["token"] = omi.token
    response = omi.post_to(path, TRANSCRIPT, headers=headers, query=query)
    assert response.status_code == 200
    assert len(omi.deliveries()) == 1


def test_it_keeps_no_secret_of_a_request(omi: Sender) -> None:
    query = {"uid": "u", "token": omi.token}
    headers = {"Authorization": "Basic c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "Cookie": "omi_session=abc"}
    omi.post_to("/omi-webhook", TRANSCRIPT, query=query, headers=headers)
    stored = omi.deliveries()[0]
    assert stored.query == {"uid": "u"}
    assert stored.headers["authorization"] == "••••ZXQ="
    assert stored.headers["cookie"] == "••••"
    assert omi.token not in str(stored.headers)


@pytest.mark.parametrize("token", [None, "x" * 43])
def test_it_refuses_no_token_and_a_wrong_one(omi: Sender, token: str | None) -> None:
    query = {"uid": "u"} | ({"token": token} if token else {})
    response = omi.post_to("/omi-webhook", TRANSCRIPT, query=query)
    assert response.status_code == 401
    assert error_of(response)["code"] == ("wrong_token" if token else "no_token")
    assert omi.deliveries() == []


def test_it_refuses_an_endpoint_that_is_off(omi: Sender) -> None:
    Endpoint.objects.update(enabled=False)
    assert omi.post(TRANSCRIPT).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_it_refuses_an_endpoint_that_was_deleted_just_now(omi: Sender) -> None:
    assert omi.post(TRANSCRIPT).status_code == 200
    Delivery.objects.all().delete()
    Endpoint.objects.all().delete()
    assert error_of(omi.post(TRANSCRIPT))["code"] == "wrong_token"
    assert not Delivery.objects.exists()


def test_it_knows_only_its_senders(omi: Sender) -> None:
    response = omi.post_to(f"/webhooks/fax/{omi.token}/", TRANSCRIPT)
    assert response.status_code == 404
    assert "omi" in error_of(response)["detail"]


def test_it_answers_a_duplicate_alike_and_works_it_once(omi: Sender) -> None:
    headers = {"Idempotency-Key": "3b0c8a64"}
    first = omi.post(TRANSCRIPT, headers=headers)
    second = omi.post(TRANSCRIPT, headers=headers)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == {"duplicate": True}
    assert second["X-Delivery-ID"] == first["X-Delivery-ID"]
    (stored,) = omi.deliveries()
    assert (stored.duplicates, stored.conflicts) == (1, 0)


def test_it_keeps_the_first_of_two_bodies_with_one_key(omi: Sender) -> None:
    headers = {"Idempotency-Key": "3b0c8a64"}
    omi.post({"segments": []}, headers=headers)
    omi.post({"segments": [], "more": 1}, headers=headers)
    (stored,) = omi.deliveries()
    assert (stored.conflicts, stored.raw()) == (1, b'{"segments": []}')


def test_it_keeps_equal_bodies_without_a_key_apart(omi: Sender) -> None:
    omi.post(TRANSCRIPT)
    omi.post(TRANSCRIPT)
    assert len(omi.deliveries()) == 2


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "line 1"),
        (b'{"a": NaN}', "line 1"),
        (b'"\xff"', "UTF-8"),
        (b'{"segments": "\\ud800"}', "surrogate"),
        (b"[" * 100_000, "depth"),
        (b"1" * 5000, "infinity"),
        (b"7", "JSON object"),
        (b'{"hello": "world"}', "segments"),
    ],
)
def test_it_says_what_is_malformed(omi: Sender, body: bytes, says: str) -> None:
    response = omi.post(body)
    assert response.status_code == 400
    assert says in error_of(response)["detail"]
    assert omi.deliveries() == []


def test_it_refuses_a_large_body_before_reading_it(omi: Sender, settings: Settings) -> None:
    settings.MAX_REQUEST_SIZE_BYTES = 100
    response = omi.post(b" " * 101)
    assert response.status_code == 413
    assert "MAX_REQUEST_SIZE" in error_of(response)["detail"]


def test_it_wants_a_length(omi: Sender) -> None:
    response = omi.client.generic("POST", f"/webhooks/omi/{omi.token}/", b"", CONTENT_LENGTH="")
    assert response.status_code == 411


def test_it_says_that_an_empty_body_is_empty(omi: Sender) -> None:
    path = f"/webhooks/omi/{omi.token}/"
    response = omi.client.generic(
        "POST", path, b"", CONTENT_LENGTH="0", CONTENT_TYPE="application/json"
    )
    assert response.status_code == 400
    assert "empty" in error_of(response)["detail"]


def test_it_refuses_another_type(omi: Sender) -> None:
    response = omi.post(b"a=b", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415
    assert "application/json" in error_of(response)["detail"]


def test_it_stores_a_known_event_that_it_does_not_use_as_ignored(omi: Sender) -> None:
    response = omi.post({"tool": "x"}, headers={"X-Omi-Event": "chat_tool"})
    assert response.json() == {}
    (stored,) = omi.deliveries()
    assert (stored.state, stored.event) == (State.IGNORED, "chat_tool")


def test_it_counts_audio_and_keeps_none(omi: Sender) -> None:
    response = omi.post(b"\x00\x01" * 16_000, content_type="application/octet-stream")
    assert (response.status_code, response.json()) == (200, {})
    assert omi.deliveries() == []
    counted = soft_redis.client().hgetall(f"counted:{omi.endpoint.pk}")
    assert counted == {b"audio_bytes:requests": b"1", b"audio_bytes:bytes": b"32000"}


def test_it_answers_the_setup_check(omi: Sender) -> None:
    assert omi.client.get("/omi-webhook?uid=u").json() == {"is_setup_completed": True}


def test_it_limits_an_endpoint_by_its_own_rate(omi: Sender) -> None:
    Endpoint.objects.update(rate_limit_per_minute=2)
    answers = [omi.post(TRANSCRIPT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 60


def test_it_stores_and_answers_without_redis(omi: Sender, settings: Settings) -> None:
    soft_redis.breaker.trip()
    Endpoint.objects.update(rate_limit_per_minute=1)
    assert [omi.post(TRANSCRIPT).status_code for _ in range(2)] == [200, 200]
    assert len(omi.deliveries()) == 2


def test_it_takes_a_sane_request_id_and_replaces_another(omi: Sender) -> None:
    sane = omi.post(TRANSCRIPT, headers={"X-Request-ID": "trace-12345678"})
    odd = omi.post(TRANSCRIPT, headers={"X-Request-ID": "<script>"})
    assert sane["X-Request-ID"] == "trace-12345678"
    assert "<" not in odd["X-Request-ID"]
    assert omi.deliveries()[0].request_id == "trace-12345678"


def test_it_believes_only_the_trusted_proxy(omi: Sender, settings: Settings) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    forged = {"X-Forwarded-For": "1.1.1.1, 203.0.113.7", "X-Forwarded-Proto": "https"}
    omi.post(TRANSCRIPT, headers=forged)
    assert omi.deliveries()[0].remote_addr == "203.0.113.7"


class TestSignatures:
    secret = "whsec_one"

    @pytest.fixture(autouse=True)
    def _signed(self, omi: Sender) -> None:
        Endpoint.objects.filter(pk=omi.endpoint.pk).update(policy=Policy.BOTH)
        self.endpoint = Endpoint.objects.get(pk=omi.endpoint.pk)
        self.endpoint.secret = self.secret
        self.endpoint.save()

    def test_it_accepts_a_signed_body(self, omi: Sender) -> None:
        assert omi.signed(TRANSCRIPT, self.secret).status_code == 200
        assert omi.deliveries()[0].signature == "valid"

    def test_it_refuses_an_unsigned_and_a_wrongly_signed_body(self, omi: Sender) -> None:
        assert error_of(omi.post(TRANSCRIPT))["code"] == "no_signature"
        assert error_of(omi.signed(TRANSCRIPT, "whsec_no"))["code"] == "wrong_signature"
        assert (
            error_of(omi.signed(TRANSCRIPT, self.secret, uid="other"))["code"] == "wrong_signature"
        )
        assert omi.deliveries() == []

    def test_it_refuses_an_old_signature(self, omi: Sender) -> None:
        assert omi.signed(TRANSCRIPT, self.secret, age_s=295).status_code == 200
        assert omi.signed(TRANSCRIPT, self.secret, age_s=305).status_code == 401

    def test_it_accepts_both_secrets_while_rotating(self, omi: Sender) -> None:
        rotate(self.endpoint, secret="whsec_two")
        assert omi.signed(TRANSCRIPT, "whsec_two").status_code == 200
        assert omi.signed(TRANSCRIPT, self.secret).status_code == 200
        assert [row.signature for row in omi.deliveries()] == ["valid", "previous secret"]

    def test_it_says_that_the_old_secret_was_used(self, omi: Sender) -> None:
        rotate(self.endpoint, secret="whsec_two", overlap=timedelta(0))
        response = omi.signed(TRANSCRIPT, self.secret)
        assert response.status_code == 401
        (sample,) = refusals.samples(self.endpoint.pk)
        assert sample.detail == "Refused: the signature did not match: the old secret was used."

    def test_it_finds_the_endpoint_by_its_signature_alone(self, omi: Sender) -> None:
        Endpoint.objects.update(policy=Policy.SIGNATURE)
        raw = b'{"segments": []}'
        header = {"X-Omi-Signature": omi_signature(raw, self.secret, omi.uid)}
        assert omi.post_to("/omi-webhook", raw, headers=header).status_code == 200
        assert len(omi.deliveries()) == 1

    def test_it_stores_secrets_encrypted(self, omi: Sender) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret, token_hash FROM webhooks_endpoint")
            secret, hashed = cursor.fetchone()
        assert self.secret not in secret
        assert omi.token not in hashed


def test_it_keeps_five_masked_samples_of_refused_requests(omi: Sender) -> None:
    for _ in range(7):
        omi.post(b"{", headers={"Authorization": "Bearer aaaaaaaaaaaaaaaaaaaa1234"})
    found = refusals.samples(omi.endpoint.pk)
    assert len(found) == 5
    assert found[0].headers["authorization"] == "••••1234"
    assert refusals.running_failures(omi.endpoint.pk, since=None) == 7


def test_it_forgets_running_failures_after_a_delivery(omi: Sender) -> None:
    omi.post(b"{")
    omi.post(TRANSCRIPT)
    last = omi.deliveries()[0].received_at
    assert refusals.running_failures(omi.endpoint.pk, since=last) == 0


def test_it_shows_plain_counts_to_anyone_and_more_to_staff(omi: Sender, staff: Any) -> None:
    omi.post(TRANSCRIPT)
    plain = omi.client.get("/omi-webhook/queue-status").json()
    assert plain["ok"] is True
    assert plain["queue"]["queueLength"] == 1
    assert plain["queue"]["jobTypeCounts"] == {"realtime_transcript": 1}
    assert set(plain) == {"ok", "queue"}
    client = Client()
    client.force_login(staff)
    seen = client.get("/omi-webhook/queue-status/").json()
    assert seen["deadCount"] == 0
    assert "sessionCache" in seen["caches"]
