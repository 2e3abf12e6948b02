"""What memories said before."""

from typing import Any

import pytest

from memories.models import Memory, Revision
from memories.saving.writing import edit, forget
from tests.memories.told import VENUE, tell, told

pytestmark = pytest.mark.django_db


def history(me: Any, memory: Memory) -> list[tuple[str, dict[str, Any]]]:
    listed = me.get(f"/memories/{memory.pk}/history").json()["results"]
    return [(entry["by"], entry["before"]) for entry in listed]


def undo(me: Any, memory: Memory, number: int = 0) -> Any:
    """The change that is the number-th from the last."""
    revision = memory.revisions.all()[number]
    return me.post(f"/memories/{memory.pk}/revert", {"revision": str(revision.pk)})


def test_it_keeps_what_every_change_replaced(me: Any, owner: Any) -> None:
    memory = told(owner)
    me.patch(f"/memories/{memory.pk}", {"title": "Ours", "pinned": True})
    tell(owner, title="Theirs", text="Their new text.", category="home")
    assert history(me, memory) == [
        ("sender", {"text": VENUE.text, "category": "family"}),
        ("owner", {"title": VENUE.title, "pinned": False}),
    ]
    latest = me.get(f"/memories/{memory.pk}/history?page_size=1").json()
    assert latest["next"]
    assert latest["results"][0].keys() == {"id", "at", "by", "before"}


def test_it_writes_no_history_of_what_did_not_change(owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": VENUE.title, "pinned": False})
    tell(owner)
    assert not Revision.objects.exists()


def test_it_remembers_which_delivery_brought_a_change(owner: Any) -> None:
    tell(owner)
    tell(owner, title="Theirs")
    assert (
        str(Revision.objects.get().delivery_id)
        == Memory.objects.get().sender_version["delivery_id"]
    )


def test_it_undoes_an_edit_and_follows_the_sender_again(me: Any, owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Ours"})
    shown = undo(me, memory).json()
    assert (shown["title"], shown["edited"]) == (VENUE.title, False)
    tell(owner, title="Theirs")
    assert Memory.objects.get().title == "Theirs"


def test_it_undoes_what_the_sender_changed_and_holds_on_to_it(me: Any, owner: Any) -> None:
    memory = told(owner)
    tell(owner, text="Worse.")
    shown = undo(me, memory).json()
    assert (shown["text"], shown["edited"]) == (VENUE.text, True)
    tell(owner, text="Worse still.")
    assert Memory.objects.get().text == VENUE.text


def test_it_undoes_an_undoing(me: Any, owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Ours"})
    undo(me, memory)
    assert undo(me, memory).json()["title"] == "Ours"
    assert [by for by, _ in history(me, memory)] == ["owner"] * 3


def test_it_undoes_only_the_fields_of_that_change(me: Any, owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Ours"})
    edit(memory, {"wrong": True})
    shown = undo(me, memory, 1).json()
    assert (shown["title"], shown["wrong"]) == (VENUE.title, True)


def test_it_knows_no_change_of_another_memory(me: Any, owner: Any, staff: Any) -> None:
    memory, other = told(owner), told(staff)
    edit(other, {"title": "Secret"})
    revision = other.revisions.get()
    answer = me.post(f"/memories/{memory.pk}/revert", {"revision": str(revision.pk)})
    assert answer.status_code == 404
    assert me.post(f"/memories/{memory.pk}/revert", {"revision": "x"}).status_code == 400


def test_it_leaves_no_words_of_a_deleted_memory(owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Ours"})
    forget([memory])
    assert not Revision.objects.exists()
