"""Whatever comes in: an error that says what is wrong, or 200 and an end to the delivery."""

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.stack import Stack
from tests.conftest import undone, work
from tests.faults import ledger, odd
from tests.faults.sending import mixture, send
from tests.sender import Sender

SHAPES = [
    "omi/realtime_transcript__newest_fields",
    "omi/realtime_transcript__bare_list",
    "omi/memory_created__full",
    "omi/day_summary__full",
    "omi/combined__seed",
]
ENDED = {"done", "ignored", "dead"}
each_in_its_own_transaction = [HealthCheck.function_scoped_fixture]
OFTEN = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[*each_in_its_own_transaction, HealthCheck.too_slow],
)


def has_an_end(omi: Sender, body: bytes, **options: Any) -> None:
    """Posts a body, works what was stored, and undoes it all."""
    with undone():
        response = omi.post(body, **options)
        answer = json.loads(response.content)
        if response.status_code == 200:
            assert isinstance(answer, dict)
        else:
            assert 400 <= response.status_code < 500
            assert answer["type"] == "client_error"
            assert answer["errors"][0]["code"]
            assert answer["errors"][0]["detail"]
        work("inbox")
        left = [(delivery.state, delivery.last_error) for delivery in omi.deliveries()]
        assert {state for state, _ in left} <= ENDED, left
        assert all(error for state, error in left if state == "dead")


@pytest.mark.parametrize("shape", SHAPES)
def test_it_ends_what_holds_odd_values(omi: Sender, shape: str) -> None:
    @OFTEN
    @given(body=odd.mangled(shape))
    def holds(body: bytes) -> None:
        has_an_end(omi, body)

    holds()


@pytest.mark.parametrize("shape", SHAPES)
def test_it_ends_what_is_cut_or_spoiled(omi: Sender, shape: str) -> None:
    @settings(OFTEN, max_examples=100)
    @given(body=odd.broken(shape))
    def holds(body: bytes) -> None:
        has_an_end(omi, body)

    holds()


@pytest.mark.parametrize("body", odd.PLAIN, ids=range(len(odd.PLAIN)))
def test_it_ends_what_is_no_payload(omi: Sender, body: bytes) -> None:
    has_an_end(omi, body)


def test_it_ends_odd_headers_and_queries(omi: Sender) -> None:
    texts = st.text(st.characters(codec="utf-8"), max_size=300)
    body = json.dumps({"segments": [{"text": "Hello.", "start": 1, "end": 2}]}).encode()

    @settings(OFTEN, max_examples=100)
    @given(uid=texts, session=texts, key=st.text(st.characters(max_codepoint=255), max_size=300))
    def holds(uid: str, session: str, key: str) -> None:
        headers = {"Idempotency-Key": key, "X-Omi-Event": key}
        has_an_end(omi, body, query={"uid": uid, "session_id": session}, headers=headers)

    holds()


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "application/jsonx"])
def test_it_refuses_another_content_type(omi: Sender, content_type: str) -> None:
    response = omi.post(b"{}", content_type=content_type)
    assert response.status_code == 415
    assert not omi.deliveries()


def test_it_refuses_a_body_over_the_limit(omi: Sender) -> None:
    response = omi.post(b"[" + b" " * (10 << 20) + b"]")
    assert response.status_code == 413
    assert not omi.deliveries()


# --- over the wire ----------------------------------------------------------------------------

HEAD = "POST {path}?uid=odd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
JSON = "Content-Type: application/json\r\n"


def raw(stack: Stack, headers: str, body: bytes, *, ends: bool = True) -> int:
    """Sends bytes as they are; the status of the answer, 0 if there was none."""
    head = HEAD.format(path=stack.unsigned_endpoint.path) + headers + "\r\n"
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        try:
            connection.sendall(head.encode() + body)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            status_line = connection.makefile("rb").readline()
        except ConnectionError:
            return 0
    return int(status_line.split()[1]) if status_line else 0


def sized(body: bytes, length: int | None = None) -> str:
    return f"{JSON}Content-Length: {len(body) if length is None else length}\r\n"


@pytest.mark.parametrize("body", odd.PLAIN, ids=range(len(odd.PLAIN)))
def test_it_answers_what_is_no_payload_over_http(stack: Stack, body: bytes) -> None:
    assert raw(stack, sized(body), body, ends=False) in (200, 400)


def test_it_asks_for_a_length_over_http(stack: Stack) -> None:
    chunked = f"{JSON}Transfer-Encoding: chunked\r\n"
    assert raw(stack, chunked, b"2\r\n{}\r\n0\r\n\r\n", ends=False) == 411


def test_it_refuses_an_announced_giant_before_it_is_sent(stack: Stack) -> None:
    assert raw(stack, sized(b"", (10 << 20) + 1), b"[", ends=False) == 413


@pytest.mark.parametrize("length", [-1, "ten", "1_0", 10**30])
def test_it_refuses_a_length_that_is_none(stack: Stack, length: Any) -> None:
    assert raw(stack, sized(b"", length), b"{}", ends=False) in (0, 400, 411, 413)


def test_it_survives_senders_that_lie_about_the_length(stack: Stack) -> None:
    ledger.clear(stack)
    body = b'{"segments":[]}'
    assert raw(stack, sized(body, len(body) + 100), body) in (0, 400)
    assert raw(stack, sized(body, 3), body, ends=False) == 400
    sendings = mixture("honest", 20)
    answers = send(stack, sendings)
    assert all(answer.status == 200 for answer in answers)
    assert ledger.wait_until_worked(stack, within_s=30) < 30
    assert not stack.sql("SELECT 1 FROM webhooks_delivery WHERE state = 'dead'")
