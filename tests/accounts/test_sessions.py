"""Browser sessions."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from omibackend.accounts.models import BrowserSession
from omibackend.ops import retention

pytestmark = pytest.mark.django_db


def test_it_keeps_a_session_that_knows_its_person(owner: Any, client: Client) -> None:
    client.force_login(owner)
    assert client.get("/auth/me").status_code == 200
    kept = BrowserSession.objects.get()
    assert kept.user_id == owner.pk
    assert kept.session_key != client.cookies[settings.SESSION_COOKIE_NAME].value


def test_it_opens_nothing_with_what_the_table_holds(owner: Any, client: Client) -> None:
    client.force_login(owner)
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = BrowserSession.objects.get().session_key
    assert thief.get("/auth/me").status_code == 401


def test_it_removes_what_is_over(owner: Any, client: Client) -> None:
    from django.utils import timezone

    client.force_login(owner)
    BrowserSession.objects.update(expire_date=timezone.now())
    assert retention.due()["browser sessions"] == retention.prune()["browser sessions"] == 1
    assert not BrowserSession.objects.exists()
