from typing import Any

import pytest

from tests.conftest import payload
from webhooks.providers.omi.protocol import omi_v1

VECTOR = payload("omi/signed__vector")
HEADER = VECTOR["headers"]["X-Omi-Signature"]
BODY = VECTOR["raw_body_utf8"].encode()
AT_S = VECTOR["timestamp"]


def check(header: str = HEADER, **changed: Any) -> int | None:
    secrets = [VECTOR["secret"]]
    given = {"uid": VECTOR["uid"], "body": BODY, "secrets": secrets, "now_s": AT_S}
    return omi_v1(header, **{**given, **changed}).matched


def test_it_accepts_the_vector_of_the_senders_sdk() -> None:
    assert check() == 0


@pytest.mark.parametrize("now_s", [AT_S + 300, AT_S - 300])
def test_it_accepts_a_time_at_the_tolerance(now_s: float) -> None:
    assert check(now_s=now_s) == 0


@pytest.mark.parametrize("now_s", [AT_S + 301, AT_S - 301])
def test_it_refuses_a_time_beyond_the_tolerance(now_s: float) -> None:
    assert check(now_s=now_s) is None


@pytest.mark.parametrize(
    "changed", [{"uid": "somebody-else"}, {"body": BODY + b" "}, {"secrets": ["whsec_wrong"]}]
)
def test_it_refuses_what_was_not_signed(changed: dict[str, Any]) -> None:
    assert check(**changed) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        "t=abc,v1=00",
        f"t={AT_S}",
        "v1=00",
        f"t={AT_S},v1=",
        f"t={AT_S},v1=é",
        "t=²,v1=00",
    ],
)
def test_it_refuses_a_malformed_header(header: str) -> None:
    assert check(header) is None


def test_it_says_which_secret_signed() -> None:
    assert check(secrets=["whsec_new", VECTOR["secret"]]) == 1


def test_it_takes_any_of_two_signatures_and_skips_unknown_schemes() -> None:
    timestamp, signature = HEADER.split(",")
    assert check(f"{timestamp},v2=ff,v1={'0' * 64},{signature}") == 0


def test_it_names_a_clock_that_is_off() -> None:
    verdict = omi_v1(HEADER, uid=VECTOR["uid"], body=BODY, secrets=["x"], now_s=AT_S + 412)
    assert "412 s old" in verdict.reason
