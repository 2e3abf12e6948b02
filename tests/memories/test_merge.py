"""Two memories of one thing made one."""

from dataclasses import replace
from typing import Any

import pytest

from memories.models import ActionItem, Event, Memory, Tombstone
from memories.saving.incoming import IncomingActionItem
from memories.saving.writing import edit, forget
from omibackend.core.work.effects import Change, Effect
from tests.memories.test_photos import SNAP
from tests.memories.told import AT, HOUR, UNNAMED, VENUE, how, tell, told

pytestmark = pytest.mark.django_db
OTHER = replace(
    VENUE,
    source_id="other",
    title="Call with Sarah",
    text="Sarah will bring the flowers.",
    occurred_at=AT - HOUR,
    finished_at=AT,
    action_items=(
        IncomingActionItem("Pay the venue deposit!", completed=True, completed_at=AT),
        IncomingActionItem("Buy flowers"),
    ),
    photos=(SNAP,),
    segment_keys=("b", "c"),
)


@pytest.fixture
def venue(owner: Any) -> Memory:
    return told(owner, segment_keys=("a", "b"))


@pytest.fixture
def other(owner: Any) -> Memory:
    return told(owner, OTHER)


def merge(me: Any, kept: Memory, other: Memory) -> Any:
    return me.post(f"/memories/{kept.pk}/merge", {"other": str(other.pk)})


def test_it_makes_one_of_two(me: Any, venue: Memory, other: Memory) -> None:
    shown = merge(me, venue, other).json()
    assert (shown["id"], shown["title"], shown["edited"]) == (str(venue.pk), VENUE.title, True)
    assert shown["text"] == f"{VENUE.text}\n\n{OTHER.text}"
    assert shown["occurred_at"] == "2026-11-20T13:05:00Z"
    items = {item["description"]: item["completed"] for item in shown["action_items"]}
    assert items == {"Pay the venue deposit": True, "Buy flowers": False}
    venue.refresh_from_db()
    assert (venue.segment_keys, venue.photos.count()) == (["a", "b", "c"], 1)
    assert (Memory.objects.count(), ActionItem.objects.count(), Event.objects.count()) == (1, 2, 1)
    assert me.get(f"/memories/{other.pk}").status_code == 404


@pytest.mark.usefixtures("venue")
def test_it_does_not_come_back_when_it_is_sent_again(me: Any, owner: Any, other: Memory) -> None:
    kept = Memory.objects.get(source_id=VENUE.source_id)
    merge(me, kept, other)
    before = Memory.objects.values().get()
    again = tell(owner, OTHER, text="Reprocessed.")
    assert again == [Effect.on("memory", kept.pk, Change.MERGED_BEFORE)]
    assert how(tell(owner, OTHER, source_id=None)) == [Change.MERGED_BEFORE]
    assert Memory.objects.values().get() == before


def test_it_keeps_the_words_of_both_when_the_kept_one_is_sent_again(
    me: Any, owner: Any, venue: Memory, other: Memory
) -> None:
    merge(me, venue, other)
    assert how(tell(owner, text="Newer.", title="Newer")) == [Change.KEPT_EDITS]
    kept = Memory.objects.get()
    assert (kept.title, OTHER.text in kept.text) == ("Newer", True)


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        ("The same.", "the same", "The same."),
        ("A part.", "First a part. Then more.", "First a part. Then more."),
        ("First a part. Then more.", "A part.", "First a part. Then more."),
        ("", "Words.", "Words."),
    ],
)
def test_it_says_nothing_twice(me: Any, owner: Any, one: str, two: str, both: str) -> None:
    kept, other = told(owner, text=one), told(owner, OTHER, text=two)
    assert merge(me, kept, other).json()["text"] == both


def test_it_keeps_every_mark(me: Any, venue: Memory, other: Memory) -> None:
    edit(other, {"private": True, "pinned": True})
    shown = merge(me, venue, other).json()
    assert (shown["private"], shown["pinned"], shown["wrong"]) == (True, True, False)


def test_it_says_in_the_history_what_it_was_before(me: Any, venue: Memory, other: Memory) -> None:
    merge(me, venue, other)
    entry = me.get(f"/memories/{venue.pk}/history").json()["results"][0]
    assert (entry["by"], entry["before"]) == ("merge", {"text": VENUE.text})


def test_it_leaves_the_way_back_to_where_the_words_came_from(
    me: Any, venue: Memory, other: Memory
) -> None:
    merge(me, venue, other)
    tombstone = venue.merged.get()
    assert (tombstone.memory_id, tombstone.delivery_id) == (other.pk, other.delivery_id)


def test_it_merges_what_was_merged(me: Any, owner: Any, venue: Memory, other: Memory) -> None:
    third = told(owner, source_id="third", text="Third.")
    merge(me, other, venue)
    merge(me, third, other)
    assert set(third.merged.values_list("memory_id", flat=True)) == {venue.pk, other.pk}
    assert tell(owner)[0] == Effect.on("memory", third.pk, Change.MERGED_BEFORE)


def test_it_deletes_both_when_the_merged_one_is_deleted(
    me: Any, owner: Any, venue: Memory, other: Memory
) -> None:
    merge(me, venue, other)
    forget([venue])
    assert [how(tell(owner)), how(tell(owner, OTHER))] == [[Change.DELETED_BEFORE]] * 2
    assert (Memory.objects.count(), Tombstone.objects.count()) == (0, 2)


def test_it_learns_the_id_of_what_was_merged_without_one(me: Any, owner: Any) -> None:
    kept, other = told(owner), told(owner, UNNAMED, text="Unnamed.")
    merge(me, kept, other)
    again = tell(owner, source_id="late", text="Unnamed.")
    assert again[0].change == Change.MERGED_BEFORE
    assert how(tell(owner, source_id="late", text="Other words.")) == [Change.MERGED_BEFORE]


def test_it_merges_nothing_with_itself_or_a_strangers(
    me: Any, owner: Any, staff: Any, venue: Memory
) -> None:
    hers = told(staff, OTHER)
    assert merge(me, venue, venue).status_code == 409
    assert merge(me, venue, hers).status_code == 404
    assert merge(me, hers, venue).status_code == 404
    assert me.post(f"/memories/{venue.pk}/merge", {"other": "x"}).status_code == 400
    assert Memory.objects.count() == 2
