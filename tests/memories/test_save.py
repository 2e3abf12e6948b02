from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from memories.models import ActionItem, Event, Memory
from memories.saving import parts
from memories.saving.identity import text_hash
from memories.saving.incoming import IncomingActionItem, IncomingMemory
from memories.saving.writing import edit, save_memory
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change
from tests.memories.told import AT, HOUR, UNNAMED, VENUE, how, tell, told

pytestmark = pytest.mark.django_db


def test_it_keeps_what_was_told(owner: Any) -> None:
    delivery_id = uuid7()
    became = save_memory(owner_id=owner.pk, incoming=VENUE, delivery_id=delivery_id)
    memory = Memory.objects.get()
    assert [entry.kind for entry in became] == ["memory", "action_item", "event"]
    assert {entry.change for entry in became} == {"created"}
    assert became[0].id == str(memory.pk)
    assert (memory.title, memory.category, memory.emoji) == (VENUE.title, "family", "💒")
    assert (memory.delivery_id, memory.occurred_at) == (delivery_id, AT)
    assert memory.action_items.get().due_at == AT + 48 * HOUR
    assert memory.events.get().duration_minutes == 60


def test_it_finds_nothing_to_change_in_the_same_again(owner: Any) -> None:
    tell(owner)
    before = Memory.objects.values().get()
    again = tell(owner)
    assert {entry.change for entry in again} == {"unchanged"}
    after = Memory.objects.values().get()
    assert (after["updated_at"], after["title"]) == (before["updated_at"], before["title"])
    assert (ActionItem.objects.count(), Event.objects.count()) == (1, 1)


def test_it_follows_a_resend_with_the_same_id(owner: Any) -> None:
    first = told(owner)
    more = (*VENUE.action_items, IncomingActionItem("Confirm Tuesday with Sarah"))
    became = tell(owner, title="Venue and Caterer", text="New words.", action_items=more)
    memory = Memory.objects.get()
    assert (memory.pk, memory.title, memory.text) == (first.pk, "Venue and Caterer", "New words.")
    assert memory.updated_at > first.updated_at
    assert how(became) == ["updated"]
    assert sorted(how(became, "action_item")) == ["created", "unchanged"]


def test_it_keeps_the_owners_words_and_the_senders(owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Our venue"})
    became = tell(owner, title="Sender's new title", text="Sender's new text")
    memory.refresh_from_db()
    assert how(became) == [Change.KEPT_EDITS]
    assert (memory.title, memory.text) == ("Our venue", "Sender's new text")
    assert memory.sender_version["title"] == "Sender's new title"
    assert memory.edited_fields == ["title"]


def test_it_says_so_when_an_edit_outlives_the_same_again(owner: Any) -> None:
    edit(told(owner), {"text": ""})
    assert how(tell(owner)) == [Change.KEPT_EDITS]
    assert Memory.objects.get().text == ""


def test_it_marks_only_what_an_edit_changed(owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": VENUE.title, "category": "home", "owner_id": "7"})
    memory.refresh_from_db()
    assert (memory.edited_fields, memory.category, memory.owner) == (["category"], "home", owner)


def test_it_ignores_an_older_version_that_comes_late(owner: Any) -> None:
    early, late = uuid7(), uuid7()
    save_memory(owner_id=owner.pk, incoming=replace(VENUE, title="Newer"), delivery_id=late)
    became = save_memory(owner_id=owner.pk, incoming=VENUE, delivery_id=early)
    assert how(became) == ["unchanged"]
    assert Memory.objects.get().title == "Newer"


def test_it_takes_one_text_without_an_id_for_one_memory(owner: Any) -> None:
    first = told(owner, UNNAMED)
    again = told(owner, UNNAMED, text=VENUE.text.upper() + "!", occurred_at=AT + 11 * HOUR)
    assert again.pk == first.pk
    assert again.occurred_at == AT


def test_it_takes_the_same_text_a_day_later_for_another_memory(owner: Any, settings: Any) -> None:
    later = AT + timedelta(hours=settings.MEMORY_DEDUP_HOURS, seconds=1)
    assert told(owner, UNNAMED).pk != told(owner, UNNAMED, occurred_at=later).pk


@pytest.mark.parametrize("change", [{"kind": "day_summary"}, {"text": "Other words."}])
def test_it_does_not_mix_kinds_or_texts(owner: Any, change: dict[str, str]) -> None:
    assert told(owner, UNNAMED).pk != told(owner, UNNAMED, **change).pk


def test_it_keeps_conversations_apart_that_have_ids(owner: Any) -> None:
    assert told(owner).pk != told(owner, source_id="another").pk


def test_it_gives_a_memory_without_an_id_the_one_that_follows(owner: Any) -> None:
    first = told(owner, UNNAMED, occurred_at=AT + HOUR)
    named = told(owner)
    assert (named.pk, named.source_id, named.occurred_at) == (first.pk, "b7f0f2de", AT)
    assert how(tell(owner, text="Reprocessed.")) == ["updated"]
    assert Memory.objects.count() == 1


def test_it_recognises_a_named_memory_by_its_text(owner: Any) -> None:
    assert told(owner).pk == told(owner, UNNAMED, occurred_at=AT + HOUR).pk
    assert Memory.objects.get().source_id == "b7f0f2de"


def test_it_keeps_strangers_apart(owner: Any, staff: Any) -> None:
    assert told(owner).pk != told(staff).pk
    assert told(owner, UNNAMED, text="x").pk != told(staff, UNNAMED, text="x").pk


def test_it_invents_nothing_for_an_empty_memory(owner: Any) -> None:
    empty = IncomingMemory(kind="conversation", source="omi", occurred_at=AT)
    memory = told(owner, empty)
    assert (memory.title, memory.text, memory.category) == ("", "", "")
    assert memory.display_title == "Untitled conversation"
    assert told(owner, empty).pk != memory.pk


def test_it_knows_an_empty_memory_when_its_delivery_is_replayed(owner: Any) -> None:
    empty = IncomingMemory(kind="conversation", source="omi", occurred_at=AT, title="…")
    delivery_id = uuid7()
    for _ in range(2):
        save_memory(owner_id=owner.pk, incoming=empty, delivery_id=delivery_id)
    assert Memory.objects.count() == 1


def test_it_keeps_what_a_poorer_resend_leaves_out(owner: Any) -> None:
    rich = replace(VENUE, segment_keys=("s1",), quote="So I think", details={"address": "Paris"})
    tell(owner, rich)
    tell(owner, details={"sections": []})
    memory = Memory.objects.get()
    assert (memory.segment_keys, memory.quote) == (["s1"], "So I think")
    assert memory.details == {"address": "Paris", "sections": []}


def test_it_bounds_what_surrounds_a_memory(owner: Any) -> None:
    deep: Any = "end"
    for _ in range(20):
        deep = {"more": [deep]}
    memory = told(
        owner,
        category="c" * 99,
        emoji="👩‍👩‍👧‍👦" * 20,
        quote="q" * 9000,
        details={"text": "x" * 10_000, "list": list(range(1000)), "deep": deep, "count": 3},
    )
    assert (len(memory.category), len(memory.quote)) == (40, 4000)
    assert (len(memory.details["text"]), len(memory.details["list"])) == (4000, 100)
    assert (str(memory.details["deep"]).count("more"), memory.details["count"]) == (2, 3)


def test_it_stores_a_text_beyond_what_can_be_searched(owner: Any) -> None:
    words = " ".join(f"𐐷{number:x}" for number in range(120_000))
    memory = told(owner, title=words, text=words)
    assert len(memory.text) == len(words)


def test_it_leaves_a_done_item_done(owner: Any) -> None:
    tell(owner)
    parts.edit_action_item(ActionItem.objects.get(), {"completed": True, "description": "Paid"})
    became = tell(owner)
    item = ActionItem.objects.get()
    assert how(became, "action_item") == [Change.KEPT_EDITS]
    assert (item.completed, item.description) == (True, "Paid")
    assert item.completed_at is not None


def test_it_follows_the_sender_in_what_the_owner_left_alone(owner: Any) -> None:
    tell(owner)
    parts.edit_action_item(ActionItem.objects.get(), {"due_at": AT})
    done = IncomingActionItem("pay the venue deposit!", completed=True, completed_at=AT + HOUR)
    became = tell(owner, action_items=(done,))
    item = ActionItem.objects.get()
    assert how(became, "action_item") == [Change.KEPT_EDITS]
    assert (item.completed, item.completed_at, item.due_at) == (True, AT + HOUR, AT)


def test_it_reopens_an_item_by_the_owners_word(owner: Any) -> None:
    tell(owner, action_items=(IncomingActionItem("Pay", completed=True, completed_at=AT),))
    parts.edit_action_item(ActionItem.objects.get(), {"completed": False})
    item = ActionItem.objects.get()
    assert (item.completed, item.completed_at, item.edited_fields) == (False, None, ["completed"])


def test_it_drops_repeats_and_blanks_among_action_items(owner: Any) -> None:
    said = ["Pay", "pay!", "  ", "Pay"]
    became = tell(owner, action_items=tuple(IncomingActionItem(text) for text in said))
    assert how(became, "action_item") == ["created"]


def test_it_marks_many_items_once(owner: Any) -> None:
    tell(owner, action_items=(IncomingActionItem("Pay"), IncomingActionItem("Ask")))
    assert parts.mark(ActionItem.objects.all(), completed=True) == 2
    assert parts.mark(ActionItem.objects.all(), completed=True) == 0
    assert parts.mark(ActionItem.objects.all(), completed=False) == 2
    assert set(ActionItem.objects.values_list("completed", "completed_at")) == {(False, None)}
    assert {tuple(item.edited_fields) for item in ActionItem.objects.all()} == {("completed",)}


def test_it_lets_the_database_refuse_a_second_memory_of_one_id(owner: Any) -> None:
    memory = told(owner)
    twin = Memory(owner=owner, kind=memory.kind, source_id=memory.source_id, occurred_at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_it_hashes_the_text_and_only_then_the_title(owner: Any) -> None:
    assert told(owner).content_hash == text_hash(VENUE.text)
    assert told(owner, source_id="n", text="").content_hash == text_hash(VENUE.title)
