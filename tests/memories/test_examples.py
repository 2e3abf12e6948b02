"""What the API's description shows is what the API takes and answers."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.shown import Shown
from tests.memories.told import told

pytestmark = pytest.mark.django_db
SHOWN = Shown("memories.api")


@pytest.fixture
def ids(owner: Any) -> list[str]:
    """Two memories that speak of a venue, as the examples have it."""
    caterer = told(owner, source_id="b", title="Caterer", text="She knows the venue.")
    return [str(told(owner).pk), str(caterer.pk)]


def test_memories_are_made_read_and_changed_as_shown(me: APIClient, ids: list[str]) -> None:
    note = SHOWN.sent("memories_create")
    made = SHOWN.answered("memories_create", me.post("/memories", note), 201)
    assert {name: made[name] for name in note} == note
    SHOWN.answered("memories_create", me.post("/memories", note))
    SHOWN.answered("memories_read", me.get("/memories"))
    changes = SHOWN.sent("memories_change")
    changed = SHOWN.answered("memories_read", me.patch(f"/memories/{ids[0]}", changes))
    assert {name: changed[name] for name in changes} == changes


def test_changes_are_undone_and_memories_merged_as_shown(me: APIClient, ids: list[str]) -> None:
    here = f"/memories/{ids[0]}"
    me.patch(here, SHOWN.sent("memories_change"))
    latest = SHOWN.answered("memories_history", me.get(f"{here}/history"))
    wanted = SHOWN.sent("memories_revert", revision=latest["id"])
    again = SHOWN.answered("memories_read", me.post(f"{here}/revert", wanted))
    assert again["pinned"] is False
    SHOWN.answered(
        "memories_read", me.post(f"{here}/merge", SHOWN.sent("memories_merge", other=ids[1]))
    )


def test_many_memories_are_marked_and_taken_away_as_shown(me: APIClient, ids: list[str]) -> None:
    for case, changed in (("At first look", 0), ("Then do", 2)):
        wanted = SHOWN.sent("memories_bulk", case)
        found = SHOWN.answered("memories_bulk", me.post("/memories/bulk", wanted))
        assert (found["count"], found["changed"]) == (2, changed)
    wanted = SHOWN.sent("memories_bulk", "By id", ids=ids)
    SHOWN.answered("memories_bulk", me.post("/memories/bulk", wanted))
    SHOWN.answered("memories_export", me.get("/memories/export"))


def test_action_items_are_read_and_ticked_off_as_shown(me: APIClient, ids: list[str]) -> None:
    item = SHOWN.answered("action_items_read", me.get("/action-items"))
    done = me.patch(f"/action-items/{item['id']}", SHOWN.sent("action_items_change"))
    assert SHOWN.answered("action_items_read", done)["completed"] is True
