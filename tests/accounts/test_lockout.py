"""Guessing passwords."""

import logging
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from omibackend.accounts.models import User

pytestmark = pytest.mark.django_db
RIGHT = "a long enough passphrase"


def guess(password: str = "wrong", email: str = "nadia@example.org", **headers: Any) -> Any:
    body = {"email": email, "password": password}
    return Client().post("/auth/login", body, content_type="application/json", **headers)


def guess_often(**headers: Any) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        guess(HTTP_USER_AGENT=f"agent-{number}", **headers)


def test_it_locks_a_name_and_says_how_long(owner: Any) -> None:
    guess_often()
    answer = guess(RIGHT)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "900"
    assert answer.json()["errors"][0]["code"] == "locked_out"


def test_it_is_not_dodged_by_claimed_addresses(owner: Any) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        guess(HTTP_X_FORWARDED_FOR=f"10.1.2.{number}", HTTP_X_REAL_IP=f"10.1.3.{number}")
    assert guess(RIGHT, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429


def test_it_is_not_dodged_behind_a_proxy(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TRUSTED_PROXY_COUNT", 1)
    monkeypatch.setattr(settings, "SECURE_SSL_REDIRECT", False)
    for number in range(settings.AXES_FAILURE_LIMIT):
        guess(HTTP_X_FORWARDED_FOR=f"10.1.2.{number}, 203.0.113.5")
    assert guess(RIGHT, HTTP_X_FORWARDED_FOR="10.9.9.9, 203.0.113.5").status_code == 429
    assert guess(RIGHT, HTTP_X_FORWARDED_FOR="203.0.113.5, 203.0.113.6").status_code == 200


def test_it_is_not_dodged_by_what_is_no_address(
    owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TRUSTED_PROXY_COUNT", 1)
    for number in range(settings.AXES_FAILURE_LIMIT):
        assert guess(HTTP_X_FORWARDED_FOR=f"nonsense-{number}\x00").status_code in (401, 429)
    assert guess(RIGHT, HTTP_X_FORWARDED_FOR="other").status_code == 429


def test_it_counts_one_ipv6_customer_once(owner: Any) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        guess(REMOTE_ADDR=f"2001:db8:1:2::{number + 1:x}")
    assert guess(RIGHT, REMOTE_ADDR="2001:db8:1:2:ffff::1").status_code == 429
    assert guess(RIGHT, REMOTE_ADDR="2001:db8:1:3::1").status_code == 200


def test_it_counts_all_spellings_of_a_name(owner: Any) -> None:
    for email in ("NADIA@example.org", "Nadia@example.org", "nAdia@example.org"):
        guess(email=email)
    guess(email="naDia@example.org")
    guess(email="nadIa@example.org")
    assert guess(RIGHT).status_code == 429


def test_it_leaves_others_and_other_places_alone(owner: Any) -> None:
    User.objects.create_user("sarah@example.org", RIGHT)
    guess_often()
    assert guess(RIGHT, email="sarah@example.org").status_code == 200
    assert guess(RIGHT, REMOTE_ADDR="198.51.100.7").status_code == 200


def test_it_opens_again_after_a_quarter_of_an_hour(owner: Any) -> None:
    guess_often()
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert guess(RIGHT).status_code == 200


def test_it_does_not_lock_longer_while_guesses_go_on(owner: Any) -> None:
    guess_often()
    before = AccessAttempt.objects.order_by("attempt_time").last()
    guess()
    after = AccessAttempt.objects.order_by("attempt_time").last()
    assert before
    assert after
    assert before.attempt_time == after.attempt_time


def test_it_counts_from_nought_after_a_success(owner: Any) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        guess()
    assert guess(RIGHT).status_code == 200
    assert guess().status_code == 401
    assert guess(RIGHT).status_code == 200


def test_it_locks_the_admin_and_the_api_together(staff: Any) -> None:
    form = {"username": "STAFF@example.org", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        assert Client().post(reverse("admin:login"), form).status_code == 200
    guess(email=staff.email)
    right = {**form, "password": "a long passphrase too"}
    answer = Client().post(reverse("admin:login"), right)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "900")
    assert guess("a long passphrase too", email=staff.email).status_code == 429


def test_it_keeps_no_password_typed_into_the_wrong_field(staff: Any) -> None:
    form = {"username": "my secret passphrase", "password": "staff@example.org"}
    Client().post(reverse("admin:login"), form)
    kept = AccessAttempt.objects.values().get()
    assert "secret" not in str(kept)
    assert "staff" not in str(kept)


def test_it_logs_neither_names_nor_addresses(owner: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    guess_often(REMOTE_ADDR="198.51.100.7")
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    assert "nadia" not in logged
    assert "198.51.100.7" not in logged


def test_it_guards_the_password_against_a_stolen_token(owner: Any, api: Any) -> None:
    thief = api(owner)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        thief.delete("/account", {"password": "wrong"}, format="json")
    answer = thief.delete("/account", {"password": RIGHT}, format="json")
    assert answer.status_code == 429
    assert User.objects.get(pk=owner.pk).is_active
