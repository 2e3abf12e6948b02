"""Action items over HTTP."""

from typing import Any

import pytest

from memories.models import ActionItem
from memories.saving.incoming import IncomingActionItem
from tests.memories.told import AT, HOUR, VENUE, tell, told

pytestmark = pytest.mark.django_db
ITEMS = (
    IncomingActionItem("Pay", due_at=AT + 48 * HOUR),
    IncomingActionItem("Call", completed=True, completed_at=AT),
    IncomingActionItem("Write", due_at=AT + 24 * HOUR),
)


@pytest.fixture
def items(owner: Any) -> dict[str, ActionItem]:
    told(owner, action_items=ITEMS)
    return {item.description: item for item in ActionItem.objects.all()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Write", "Call", "Pay"]),
        ("status=open", ["Write", "Pay"]),
        ("status=done", ["Call"]),
        ("due_before=2026-11-22T14:05:00Z", ["Write"]),
        ("due_after=2026-11-22T14:05:00Z", ["Pay"]),
        ("due_after=2026-11-23T00:00:00Z&status=open", []),
    ],
)
@pytest.mark.usefixtures("items")
def test_it_lists_what_is_to_do(me: Any, query: str, found: list[str]) -> None:
    listed = me.get(f"/action-items?{query}").json()["results"]
    assert [item["description"] for item in listed] == found


@pytest.mark.usefixtures("items")
def test_it_pages(me: Any) -> None:
    first = me.get("/action-items/?page_size=2").json()
    rest = me.get(first["next"]).json()
    assert [len(page["results"]) for page in (first, rest)] == [2, 1]
    assert rest["next"] is None


@pytest.mark.parametrize("query", ["status=maybe", "due_after=soon", "page_size=x"])
def test_it_says_what_is_wrong_with_a_query(me: Any, query: str) -> None:
    answer = me.get(f"/action-items?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == query.partition("=")[0]


def test_it_keeps_a_decision_through_a_resend(
    me: Any, owner: Any, items: dict[str, ActionItem]
) -> None:
    address = f"/action-items/{items['Pay'].pk}"
    body = {"completed": True, "description": "Paid it", "due_at": None}
    changed = me.patch(address, body).json()
    assert (changed["completed"], changed["edited"], changed["due_at"]) == (True, True, None)
    assert changed["completed_at"]
    assert changed["memory"] == str(items["Pay"].memory_id)
    tell(owner, action_items=ITEMS)
    kept = me.get(address).json()
    assert {name: kept[name] for name in body} == body
    assert ActionItem.objects.count() == 3


@pytest.mark.parametrize(
    "body",
    [
        {"completed": "yes"},
        {"completed": None},
        {"description": ""},
        {"description": "a\x00"},
        {"due_at": "tomorrow"},
        {"due_at": "0001-01-01T00:00:00+14:00"},
        {"owner": 1},
        [],
    ],
)
def test_it_takes_no_nonsense(me: Any, items: dict[str, ActionItem], body: Any) -> None:
    assert me.patch(f"/action-items/{items['Pay'].pk}", body).status_code == 400
    assert not ActionItem.objects.exclude(edited_fields=[]).exists()


@pytest.mark.parametrize("method", ["get", "patch"])
def test_it_shows_a_stranger_nothing(
    stranger: Any, items: dict[str, ActionItem], method: str
) -> None:
    assert getattr(stranger, method)(f"/action-items/{items['Pay'].pk}").status_code == 404
    assert stranger.get("/action-items").json()["results"] == []


def test_it_may_be_read_and_not_written(api: Any, owner: Any, items: dict[str, ActionItem]) -> None:
    address, program = f"/action-items/{items['Pay'].pk}", api(owner, ["read"])
    assert (program.get(address).status_code, program.patch(address).status_code) == (200, 403)
    assert VENUE.title not in program.get(address).content.decode()
