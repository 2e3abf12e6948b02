"""How often somebody may ask."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from rest_framework.request import Request
from rest_framework.test import APIClient

from omibackend.core.http.throttles import Throttle
from omibackend.core.redis import soft_redis

pytestmark = pytest.mark.django_db


class View:
    throttle_scope = "login"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Throttle, "THROTTLE_RATES", {"login": "3/hour", "account": "3/hour"})


def allowed(address: str = "10.0.0.1", user: Any = None, **headers: Any) -> bool:
    request = Request(RequestFactory().post("/", REMOTE_ADDR=address, **headers))
    request.user = user or AnonymousUser()
    return Throttle().allow_request(request, View())


def test_it_allows_so_many_and_no_more() -> None:
    assert [allowed() for _ in range(5)] == [True, True, True, False, False]
    assert allowed("10.0.0.2")


def test_it_is_not_dodged_by_claimed_addresses() -> None:
    asked = [allowed(HTTP_X_FORWARDED_FOR=f"10.9.9.{number}") for number in range(5)]
    assert asked.count(True) == 3


def test_it_counts_people_wherever_they_are(owner: Any) -> None:
    assert [allowed(f"10.0.0.{number}", owner) for number in range(4)][-1] is False


def test_it_lets_no_crowd_slip_past() -> None:
    soft_redis.client().ping()
    with ThreadPoolExecutor(16) as crowd:
        passed = list(crowd.map(lambda _: allowed(), range(64)))
    assert passed.count(True) == 3


def test_it_limits_nobody_without_redis() -> None:
    soft_redis.breaker.trip()
    assert all(allowed() for _ in range(5))


def test_it_says_when_to_come_back(owner: Any, api: Any) -> None:
    client: APIClient = api(owner)
    answers = [client.get("/preferences") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600
