"""Two jobs at once, on two real connections that commit."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from memories.models import ActionItem, Memory, Revision, Tombstone
from memories.saving.bulk import Action, carry_out, choose
from memories.saving.merging import merge
from memories.saving.parts import mark
from memories.saving.writing import edit, forget, lock_owner
from omibackend.core.work.effects import Change
from tests.memories.told import AT, HOUR, UNNAMED, VENUE, how, tell, told

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """Runs the jobs in threads with connections of their own, all released together."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            start.wait(timeout=10)
            return job()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(run, job) for job in jobs]]


def test_it_makes_one_memory_of_one_id(owner: Any) -> None:
    became = at_once(*[lambda: tell(owner) for _ in range(8)])
    assert sorted(how(one)[0] for one in became) == ["created"] + ["unchanged"] * 7
    assert (Memory.objects.count(), ActionItem.objects.count()) == (1, 1)


def test_it_makes_one_memory_of_one_text(owner: Any) -> None:
    became = at_once(*[lambda: tell(owner, UNNAMED) for _ in range(8)])
    assert sorted(how(one)[0] for one in became) == ["created"] + ["unchanged"] * 7
    assert Memory.objects.count() == 1


def test_it_makes_one_memory_with_and_without_an_id(owner: Any) -> None:
    at_once(*[lambda: tell(owner, UNNAMED, occurred_at=AT + HOUR), lambda: tell(owner)] * 4)
    assert Memory.objects.get().source_id == VENUE.source_id


def test_it_never_brings_back_what_is_deleted_meanwhile(owner: Any) -> None:
    for _ in range(5):
        memory = told(owner, source_id="one")
        at_once(partial(forget, [memory]), *[partial(tell, owner, source_id="one")] * 4)
        assert Memory.objects.count() == 0
        Tombstone.objects.all().delete()


def test_it_makes_a_deletion_wait_for_a_writer_and_bury_what_it_wrote(owner: Any) -> None:
    memory = told(owner)
    writing, written = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            tell(owner, text="Newer words.")
            writing.set()
            assert not written.wait(timeout=0.3)

    def delete() -> int:
        assert writing.wait(timeout=10)
        gone = forget([memory])
        written.set()
        return gone

    assert at_once(write, delete)[1] == 1
    assert how(tell(owner, UNNAMED, text="Newer words.")) == [Change.DELETED_BEFORE]


def test_it_loses_no_edit_to_a_resend(owner: Any) -> None:
    for number in range(5):
        memory = told(owner, source_id=str(number), text=f"Text {number}")
        mine = partial(edit, memory, {"title": f"Mine {number}"})
        at_once(mine, partial(tell, owner, source_id=str(number), title="Theirs"))
        memory.refresh_from_db()
        assert memory.title == f"Mine {number}"


def test_it_loses_no_edit_to_another_edit(owner: Any) -> None:
    memory = told(owner)
    edits = [partial(edit, memory, {name: "mine"}) for name in ("title", "text", "category")] * 2
    at_once(*edits)
    memory.refresh_from_db()
    assert memory.edited_fields == ["category", "text", "title"]


def test_it_lets_bulk_marks_and_resends_meet(owner: Any) -> None:
    tell(owner)
    jobs = [lambda: tell(owner), lambda: mark(ActionItem.objects.all(), completed=True)] * 4
    at_once(*jobs)
    assert ActionItem.objects.get().completed is True


def test_it_brings_nothing_back_that_is_merged_meanwhile(owner: Any) -> None:
    for number in range(5):
        kept = told(owner, source_id=f"kept {number}", text=f"Kept {number}")
        other = told(owner, source_id=f"other {number}", text=f"Other {number}")
        again = partial(tell, owner, source_id=f"other {number}", text=f"Other {number}")
        join = partial(merge, owner_id=owner.pk, kept_id=kept.pk, other_id=other.pk)
        at_once(join, *[again] * 3)
        assert not Memory.objects.filter(source_id=f"other {number}").exists()
        kept.refresh_from_db()
        assert kept.text == f"Kept {number}\n\nOther {number}"


def test_it_merges_two_into_each_other_once(owner: Any) -> None:
    one, two = told(owner), told(owner, source_id="two", text="Two")

    def join(kept: Memory, other: Memory) -> str:
        try:
            merge(owner_id=owner.pk, kept_id=kept.pk, other_id=other.pk)
        except Memory.DoesNotExist:
            return "gone"
        return "merged"

    done = at_once(partial(join, one, two), partial(join, two, one))
    assert sorted(done) == ["gone", "merged"]
    assert Memory.objects.count() == 1


def test_it_loses_no_mark_to_an_edit_or_a_resend(owner: Any) -> None:
    for number in range(3):
        memory = told(owner, source_id=str(number), text=f"Text {number}")
        mine = choose(Memory.objects.filter(pk=memory.pk))
        at_once(
            partial(carry_out, mine, Action.PRIVATE),
            partial(edit, memory, {"title": "Mine"}),
            partial(tell, owner, source_id=str(number), text="Newer"),
        )
        memory.refresh_from_db()
        assert (memory.private, memory.title, memory.text) == (True, "Mine", "Newer")
        assert Revision.objects.filter(memory=memory).count() == 3


def test_it_takes_turns_of_several_owners_in_one_order(owner: Any, staff: Any) -> None:
    def both(*ids: int) -> None:
        for _ in range(20):
            with transaction.atomic():
                lock_owner(ids)

    at_once(lambda: both(owner.pk, staff.pk), lambda: both(staff.pk, owner.pk))
