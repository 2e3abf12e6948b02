"""Near-duplicates are flagged, and nothing is dropped."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from memories.models import Memory
from memories.saving.similar import MOST_COMPARED, similar_ids
from memories.saving.writing import edit, forget
from tests.memories.told import AT, HOUR, VENUE, how, tell, told

pytestmark = pytest.mark.django_db

AGAIN = "By Friday you and Sarah pay the deposit of the venue, that was agreed."
OTHER = "Tom wants the marketing budget raised by Friday, and you agreed to ask Sarah."


def again(owner: Any, **changes: Any) -> Memory:
    given = {"source_id": "again", "title": "Venue Deposit", "text": AGAIN}
    return told(owner, **{**given, **changes})


def test_it_flags_a_near_duplicate_and_keeps_both(owner: Any) -> None:
    first = told(owner)
    second = again(owner, occurred_at=AT + HOUR)
    assert similar_ids(second) == [first.pk]
    assert similar_ids(Memory.objects.get(pk=first.pk)) == []
    assert Memory.objects.count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Budget", "text": OTHER},
        {"title": "", "text": "Venue deposit."},
        {"occurred_at": AT + 13 * HOUR},
        {"text": f"{AGAIN} {' '.join(f'Point {n} was something else.' for n in range(40))}"},
        {"kind": "day_summary"},
    ],
    ids=["another subject", "too short", "another day", "part of a long text", "day summary"],
)
def test_it_flags_nothing_else(owner: Any, changes: dict[str, Any]) -> None:
    told(owner)
    assert similar_ids(again(owner, **changes)) == []


def test_it_compares_only_the_owners(owner: Any, staff: Any) -> None:
    told(staff)
    assert similar_ids(again(owner)) == []


def test_it_compares_nothing_when_switched_off(owner: Any, settings: Any) -> None:
    settings.MEMORY_DEDUP_HOURS = 0
    told(owner)
    assert similar_ids(again(owner)) == []


def test_it_points_at_the_closest(owner: Any) -> None:
    told(owner)
    closer = told(owner, source_id="closer", title="Venue Deposit", text=f"{AGAIN} At noon.")
    assert similar_ids(again(owner)) == [closer.pk]


def test_it_follows_an_update_and_an_edit(owner: Any) -> None:
    first, second = told(owner), again(owner)
    assert how(tell(owner, source_id="again", title="Budget", text=OTHER)) == ["updated"]
    second.refresh_from_db()
    assert similar_ids(second) == []
    edit(second, {"title": VENUE.title, "text": VENUE.text})
    second.refresh_from_db()
    assert similar_ids(second) == [first.pk]


def test_it_parts_from_what_became_another(owner: Any) -> None:
    first, second = told(owner), again(owner)
    edit(first, {"title": "Budget", "text": OTHER})
    second.refresh_from_db()
    assert similar_ids(second) == []


def test_it_never_points_back(owner: Any) -> None:
    first, second = told(owner), again(owner)
    tell(owner, text=f"{VENUE.text} At noon.")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (similar_ids(first), similar_ids(second)) == ([], [first.pk])


def test_it_outlives_what_it_points_at(owner: Any) -> None:
    first, second = told(owner), again(owner)
    forget([first])
    second.refresh_from_db()
    assert similar_ids(second) == []


def test_it_costs_one_question_of_bounded_size(owner: Any) -> None:
    Memory.objects.bulk_create(
        Memory(owner=owner, kind="note", text=f"{OTHER} {n}", content_hash=str(n), occurred_at=AT)
        for n in range(MOST_COMPARED + 20)
    )
    with CaptureQueriesContext(
        connection,
    ) as asked:
        told(owner)
    compared = [query["sql"] for query in asked if "similar_to_id" in query["sql"]]
    assert any(f"LIMIT {MOST_COMPARED}" in sql for sql in compared)
    assert not any(sql.startswith("UPDATE") for sql in compared)


def test_it_shows_both_directions_in_the_admin(owner: Any, staff: Any) -> None:
    first, second = told(owner), again(owner)
    client = Client()
    client.force_login(staff)
    for one, other in ((first, second), (second, first)):
        html = client.get(reverse("admin:memories_memory_change", args=[one.pk])).content.decode()
        assert "Similar to" in html
        assert reverse("admin:memories_memory_change", args=[other.pk]) in html
