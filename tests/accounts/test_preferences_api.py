"""GET, PUT and PATCH /preferences."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from conversations.models import Conversation
from omibackend.accounts.models import Preferences, User
from omibackend.accounts.preferences import recent_preferences_of

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]
DEFAULTS = {
    "listen_mode": "TRIGGER",
    "followup_window_ms": 8000,
    "activation_regex": "",
    "inject_memories": True,
    "meeting_transcribe": False,
    "mute": False,
    "quiet_hours_start": None,
    "quiet_hours_end": None,
    "time_zone": "UTC",
    "default_conversation": None,
}
MINE = {
    **DEFAULTS,
    "listen_mode": "ALWAYS",
    "activation_regex": r"\bcomputer\b",
    "quiet_hours_start": "22:30",
    "quiet_hours_end": "07:00",
    "time_zone": "Europe/Paris",
}


def test_it_shows_the_defaults_without_storing_them(owner: Any, api: Api) -> None:
    assert api(owner).get("/preferences").json() == DEFAULTS
    assert not Preferences.objects.exists()


def test_it_keeps_what_is_set(owner: Any, api: Api) -> None:
    assert api(owner).put("/preferences/", MINE, format="json").json() == MINE
    assert api(owner).get("/preferences").json() == MINE


def test_it_changes_one_and_leaves_the_others(owner: Any, api: Api) -> None:
    api(owner).put("/preferences", MINE, format="json")
    answer = api(owner).patch("/preferences", {"mute": True}, format="json")
    assert answer.json() == {**MINE, "mute": True}


def test_it_goes_back_to_defaults_where_a_put_is_silent(owner: Any, api: Api) -> None:
    api(owner).put("/preferences", MINE, format="json")
    assert api(owner).put("/preferences", {"mute": True}, format="json").json() == {
        **DEFAULTS,
        "mute": True,
    }


def test_it_acts_in_this_process_at_once(owner: Any, api: Api) -> None:
    assert recent_preferences_of(owner.pk).mute is False
    api(owner).patch("/preferences", {"mute": True}, format="json")
    assert recent_preferences_of(owner.pk).mute is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("listen_mode", "SOMETIMES"),
        ("followup_window_ms", 999),
        ("followup_window_ms", 60_001),
        ("followup_window_ms", "8000"),
        ("followup_window_ms", 8000.5),
        ("quiet_hours_start", "24:00"),
        ("quiet_hours_start", "7:00"),
        ("quiet_hours_start", "07:00:00"),
        ("quiet_hours_start", "07:00\n"),
        ("quiet_hours_end", 700),
        ("time_zone", "Mars/Olympus"),
        ("activation_regex", "("),
        ("activation_regex", "x" * 201),
        ("activation_regex", "nu\x00l"),
        ("mute", "yes"),
        ("mute", None),
        ("default_conversation", "mine"),
        ("volume", 11),
    ],
)
def test_it_refuses_by_the_field(owner: Any, api: Api, name: str, value: Any) -> None:
    answer = api(owner).patch("/preferences", {name: value}, format="json")
    assert answer.status_code == 400
    assert [error["attr"] for error in answer.json()["errors"]] == [name]
    assert not Preferences.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"{", b'{"\\ud800": 1}'])
def test_it_refuses_what_is_no_object(owner: Any, api: Api, body: bytes) -> None:
    answer = api(owner).put("/preferences", body, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [(r"(?=omi)", "Lookaheads"), (r"(?<!x)omi", "Lookaheads"), (r"(o)mi\1", "Backreferences")],
)
def test_it_says_what_patterns_cannot_do(owner: Any, api: Api, pattern: str, reason: str) -> None:
    answer = api(owner).patch("/preferences", {"activation_regex": pattern}, format="json")
    assert reason in answer.json()["errors"][0]["detail"]


def test_it_takes_only_a_conversation_of_ones_own(owner: Any, api: Api) -> None:
    stranger = User.objects.create_user("sarah@example.org")
    mine, other = (
        Conversation.objects.create(owner=user, kind="chat", key="1").pk
        for user in (owner, stranger)
    )

    def choose(pk: Any) -> int:
        body = {"default_conversation": pk and str(pk)}
        return api(owner).patch("/preferences", body, format="json").status_code

    assert [choose(pk) for pk in (mine, other, uuid4(), None)] == [200, 404, 404, 200]
