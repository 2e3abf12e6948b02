from typing import Any

import pytest

from memories.models import ActionItem, Memory, Tombstone
from memories.saving.writing import edit, forget, save_memory
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change, Effect
from tests.memories.told import UNNAMED, VENUE, how, tell, told

pytestmark = pytest.mark.django_db


def test_it_deletes_with_all_parts_and_leaves_no_words(owner: Any) -> None:
    assert forget([told(owner)]) == 1
    assert (Memory.objects.count(), ActionItem.objects.count()) == (0, 0)
    tombstone = Tombstone.objects.values().get()
    assert (tombstone["source_id"], tombstone["owner_id"]) == ("b7f0f2de", owner.pk)
    assert "venue" not in str(tombstone).lower()


def test_it_stays_deleted_when_it_is_sent_again(owner: Any) -> None:
    forget([told(owner)])
    became = tell(owner, title="Changed", text="Changed")
    assert became == [Effect.on("memory", "", Change.DELETED_BEFORE)]
    assert Memory.objects.count() == 0


def test_it_stays_deleted_when_its_delivery_is_replayed(owner: Any) -> None:
    delivery_id = uuid7()
    save_memory(owner_id=owner.pk, incoming=UNNAMED, delivery_id=delivery_id)
    forget(Memory.objects.all())
    again = save_memory(owner_id=owner.pk, incoming=UNNAMED, delivery_id=delivery_id)
    assert how(again) == [Change.DELETED_BEFORE]


def test_it_stays_deleted_by_its_text_after_an_edit(owner: Any) -> None:
    memory = told(owner, UNNAMED)
    edit(memory, {"text": "My own words"})
    forget([memory])
    assert how(tell(owner, UNNAMED)) == [Change.DELETED_BEFORE]


def test_it_learns_the_id_of_a_deleted_memory(owner: Any) -> None:
    forget([told(owner, UNNAMED)])
    assert how(tell(owner)) == [Change.DELETED_BEFORE]
    assert how(tell(owner, text="Reprocessed.")) == [Change.DELETED_BEFORE]
    assert Tombstone.objects.count() == 2


def test_it_knows_a_deleted_memory_sent_without_its_id(owner: Any) -> None:
    forget([told(owner)])
    assert how(tell(owner, UNNAMED)) == [Change.DELETED_BEFORE]


def test_it_lets_another_conversation_say_the_same(owner: Any) -> None:
    forget([told(owner)])
    assert how(tell(owner, source_id="another")) == ["created"]


def test_it_does_not_bury_what_another_person_keeps(owner: Any, staff: Any) -> None:
    forget([told(owner)])
    assert how(tell(staff)) == ["created"]


def test_it_buries_an_empty_memory_without_burying_all_empty_ones(owner: Any) -> None:
    forget([told(owner, UNNAMED, title="", text="")])
    assert how(tell(owner, UNNAMED, title="", text="")) == ["created"]


def test_it_forgets_many_in_few_statements(
    owner: Any, staff: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        told(owner if number % 2 else staff, source_id=str(number), text=f"Text {number}")
    with django_assert_max_num_queries(17):
        assert forget(Memory.objects.all()) == 20
    assert Tombstone.objects.count() == 20


def test_it_forgets_the_same_memory_twice_without_complaint(owner: Any) -> None:
    memory = told(owner)
    assert (forget([memory]), forget([memory])) == (1, 0)


def test_it_goes_with_its_owner(owner: Any) -> None:
    forget([told(owner)])
    told(owner, source_id="kept", text=VENUE.text + " More.")
    owner.delete()
    assert (Memory.objects.count(), Tombstone.objects.count()) == (0, 0)
