"""A person's figures over REST."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from conversations.models import Conversation, Message
from memories.models import ActionItem, Memory
from omibackend.accounts.models import Preferences
from omibackend.ops import stats
from tests.api.shown import Shown
from tests.conftest import payload, work
from tests.sender import Sender
from tests.webhooks.stored import stored
from webhooks.models import Endpoint, OmiLink
from webhooks.providers.omi import shared

# 01:30 of the 22nd in Paris
NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


@pytest.fixture
def _then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def note(owner: Any, at: datetime) -> Memory:
    return Memory.objects.create(
        owner=owner, kind="note", source="api", text=str(at), content_hash=str(at), occurred_at=at
    )


def by_day(found: Any, name: str) -> list[int]:
    return [day[name] for day in found["days"]]


def test_it_answers_as_shown(owner: Any, api: Any) -> None:
    Shown("omibackend.ops").answered("stats", api(owner).get("/stats"))


def test_it_counts_what_is_ones_own(omi: Sender, staff: Any, api: Any) -> None:
    omi.post(payload("omi/memory_created__full"))
    omi.post(payload("omi/realtime_transcript__asked"))
    work()
    ActionItem.objects.filter(description__startswith="Pay").update(completed=True)
    found = api(omi.endpoint.owner).get("/stats").json()
    assert found["counts"] == {
        "memories": 1,
        "action_items_open": 1,
        "action_items_done": 1,
        "conversations": 1,
        "messages": 2,
        "sessions": 1,
        "endpoints": 1,
        "deliveries": 2,
    }
    assert datetime.fromisoformat(found["last_activity_at"])
    nothing = api(staff).get("/stats/").json()
    assert set(nothing["counts"].values()) == {0}
    assert nothing["last_activity_at"] is None
    assert [day for day in nothing["days"] if set(day.values()) - {day["date"]} != {0}] == []


@pytest.mark.usefixtures("_then")
def test_it_counts_days_on_the_persons_clock(owner: Any, api: Any) -> None:
    Preferences.objects.create(user=owner, time_zone="Europe/Paris")
    midnight = datetime(2026, 11, 22, tzinfo=ZoneInfo("Europe/Paris"))
    second = timedelta(seconds=1)
    for at in (midnight, midnight - second, midnight - timedelta(days=6) - second):
        note(owner, at)
    found = api(owner).get("/stats").json()
    assert [day["date"] for day in found["days"]] == [f"2026-11-{day}" for day in range(16, 23)]
    assert by_day(found, "memories") == [0, 0, 0, 0, 0, 1, 1]
    assert found["time_zone"] == "Europe/Paris"
    utc = Preferences.objects.filter(user=owner)
    utc.update(time_zone="UTC")
    assert by_day(api(owner).get("/stats").json(), "memories") == [0, 0, 0, 0, 0, 2, 0]


def test_it_counts_a_day_of_25_hours(owner: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2026, 10, 26, 12, tzinfo=UTC))
    Preferences.objects.create(user=owner, time_zone="Europe/Paris")
    first = datetime(2026, 10, 24, 22, tzinfo=UTC)
    for hour in range(25):
        note(owner, first + timedelta(hours=hour))
    assert by_day(api(owner).get("/stats").json(), "memories") == [0, 0, 0, 0, 0, 25, 0]


@pytest.mark.usefixtures("_then")
def test_it_counts_deliveries_and_messages_by_day(omi: Sender, owner: Any, api: Any) -> None:
    for days in (0, 0, 1, 6, 8):
        stored(omi.endpoint, at=NOW - timedelta(days=days, minutes=5))
    talk = Conversation.objects.create(
        owner=owner, kind="chat", key="k", last_message_at=NOW - timedelta(hours=1)
    )
    for days in (0, 2, 9):
        Message.objects.create(
            conversation=talk,
            role="user",
            text="?",
            occurred_at=NOW - timedelta(days=days, hours=1),
        )
    found = api(owner).get("/stats").json()
    assert by_day(found, "deliveries") == [1, 0, 0, 0, 0, 1, 2]
    assert by_day(found, "messages") == [0, 0, 0, 1, 0, 1, 0]
    assert (found["counts"]["deliveries"], found["counts"]["messages"]) == (5, 3)


def test_it_counts_of_a_shared_endpoint_what_became_ones_own(
    omi: Sender, owner: Any, staff: Any, api: Any
) -> None:
    Endpoint.objects.update(owner=staff, shared=True)
    OmiLink.objects.create(user=owner, uid=omi.uid)
    shared.cache.clear()
    omi.post({"segments": []})
    omi.post({"segments": []}, query={"uid": "nobody"})
    work("inbox")
    mine, theirs = (api(user).get("/stats").json() for user in (owner, staff))
    assert (mine["counts"]["deliveries"], by_day(mine, "deliveries")[-1]) == (1, 1)
    assert (theirs["counts"]["deliveries"], sum(by_day(theirs, "deliveries"))) == (0, 0)
    assert mine["last_activity_at"]
    assert theirs["last_activity_at"] is None


def test_it_stops_counting_in_time(
    owner: Any, api: Any, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(stats, "MOST_COUNTED", 3)
    for hours in range(5):
        note(owner, NOW - timedelta(hours=hours))
    client = api(owner)
    client.get("/stats")
    with django_assert_max_num_queries(6):  # three for the token
        found = client.get("/stats").json()
    assert (found["counts"]["memories"], found["counted_up_to"]) == (3, 3)


def test_it_is_for_who_may_read(owner: Any, api: Any) -> None:
    assert api(owner, ["read"]).get("/stats").status_code == 200
    assert api(owner, ["chat"]).get("/stats").status_code == 403
    assert api().get("/stats").status_code == 401
