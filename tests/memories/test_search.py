from typing import Any

import pytest
from django.db import connection

from memories.models import Memory
from memories.search.finding import matching, search
from tests.memories.told import AT, HOUR, VENUE, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def venue(owner: Any) -> Memory:
    return told(owner)


@pytest.fixture
def caterer(owner: Any) -> Memory:
    text = "The caterers want a deposit before Élodie's visit."
    return told(owner, source_id="c", title="Caterer", text=text, occurred_at=AT + HOUR)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("deposit", {"Wedding Venue Deposit", "Caterer"}),
        ("DEPOSIT -wedding", {"Caterer"}),
        ('"venue deposit"', {"Wedding Venue Deposit"}),
        ("sarah or caterers", {"Wedding Venue Deposit", "Caterer"}),
        ("élodie", {"Caterer"}),
        ("unheard", set()),
        ("", set()),
        ("'&|!():*\\ <->", set()),
    ],
)
def test_it_searches_as_people_type(
    owner: Any, venue: Memory, caterer: Memory, q: str, found: set[str]
) -> None:
    assert {memory.title for memory in search(owner.pk, q, 10)} == found


def test_it_ranks_the_title_above_the_text(owner: Any, venue: Memory) -> None:
    told(owner, source_id="t", title="Lunch", text="We spoke of the venue.")
    assert [memory.title for memory in search(owner.pk, "venue", 10)] == [VENUE.title, "Lunch"]
    assert len(search(owner.pk, "venue", 1)) == 1


def test_it_finds_only_the_owners(owner: Any, staff: Any, venue: Memory) -> None:
    assert search(staff.pk, "venue", 10) == []
    assert matching(staff.pk, "Where is the venue?", 10) == []


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Hey Omi, what did Sarah say about the venue?", ["Wedding Venue Deposit"]),
        ("who are the caterers", ["Caterer"]),
        ("any news from the Caterer?", ["Caterer"]),
        ("which deposits must I pay", ["Wedding Venue Deposit", "Caterer"]),
        ("what did you say", []),
        ("", []),
        ("'); DROP TABLE -- \\ :* & | ! <->", []),
    ],
)
def test_it_matches_a_question_by_its_telling_words(
    owner: Any, venue: Memory, caterer: Memory, question: str, found: list[str]
) -> None:
    assert [memory.title for memory in matching(owner.pk, question, 10)] == found


def test_it_reads_no_search_vector_with_a_memory(owner: Any, venue: Memory) -> None:
    assert "search" in Memory.objects.get().get_deferred_fields()
    assert search(owner.pk, "venue", 1)[0].get_deferred_fields() == {"search"}


LISTS = {
    "owner_id = {owner} ORDER BY occurred_at DESC, id DESC LIMIT 50": "memory_owner_occurred",
    "true ORDER BY occurred_at DESC, id DESC LIMIT 50": "memory_occurred",
    "search @@ websearch_to_tsquery('simple', 'word77')": "memory_search",
    "owner_id = {owner} AND kind = 'note' AND content_hash = '77'": "memory_content_hash",
}


def test_it_reads_lists_from_an_index(owner: Any, staff: Any) -> None:
    Memory.objects.bulk_create(
        Memory(
            owner=owner if number % 50 == 0 else staff,
            kind="note",
            text=f"word{number}",
            content_hash=str(number),
            occurred_at=AT + number * HOUR,
        )
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE memories_memory; SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        for sql, index in LISTS.items():
            where = sql.format(owner=owner.pk)
            cursor.execute(f"EXPLAIN SELECT id FROM memories_memory WHERE {where}")  # noqa: S608
            assert index in str(cursor.fetchall())
