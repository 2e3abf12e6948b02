"""How PostgreSQL reads lists: a page costs the same wherever in the list it is."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Memory
from memories.search.finding import FIRST_WALKED, with_words
from omibackend.core.api.pages import PAGE_ROWS
from tests.memories.told import AT, HOUR

pytestmark = pytest.mark.django_db
ROWS = 20_000


@pytest.fixture
def many(owner: Any, staff: Any) -> None:
    """Every tenth one is the owner's; few are marked, and few hold a rare word."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO memories_memory (
                id, owner_id, kind, source, title, text, category, emoji, language, occurred_at,
                pinned, edited_fields, sender_version, content_hash, segment_keys, quote, details)
            SELECT gen_random_uuid(), CASE n %% 10 WHEN 0 THEN %s ELSE %s END, 'note', 'bench', '',
                'every word' || n %% 5 || ' rare' || n / 10 || ' middling' || n %% 200,
                CASE n %% 1000 WHEN 0 THEN 'seldom' ELSE 'often' END, '', '',
                %s + n * interval '1 minute', n %% 500 = 0, '{}', '{}', n, '[]', '', '{}'
            FROM generate_series(1, %s) AS n
            """,
            [owner.pk, staff.pk, AT, ROWS],
        )
        cursor.execute("ANALYZE memories_memory")


def plans(me: Any, address: str) -> list[dict[str, Any]]:
    """Of the statements by which the view reads its page, with what they really read."""
    with CaptureQueriesContext(connection) as captured:
        assert me.get(address).status_code == 200
    return [_plan(q["sql"]) for q in captured if 'FROM "memories_memory"' in q["sql"]]


def _plan(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        [(found,)] = cursor.fetchall()
    return dict((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def nodes(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [found, *(node for below in found.get("Plans", []) for node in nodes(below))]


def indexes(found: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(found) if "Index Name" in node}


def most_read(found: dict[str, Any]) -> int:
    return max(
        int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in nodes(found)
    )


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "memory_owner_occurred"),
        ("pinned=true", "memory_pinned"),
        ("category=seldom", "memory_owner_category"),
        ("occurred_before=2026-11-25T00:00:00Z", "memory_owner_occurred"),
        ("q=rare77", "memory_search"),
        ("q=unheard", "memory_search"),
        ("q=%22rare77+middling170%22", "memory_search"),
        ("q=rare77+-every", "memory_search"),
        ("q=every", "memory_owner_occurred"),
        ("q=every+-word1", "memory_owner_occurred"),
    ],
)
@pytest.mark.usefixtures("many")
def test_it_reads_a_page_from_an_index(me: Any, query: str, index: str) -> None:
    found = plans(me, f"/memories?{query}")
    assert index in indexes(found[-1])
    assert max(map(most_read, found)) <= FIRST_WALKED + PAGE_ROWS


@pytest.mark.parametrize("q", ["middling170", "rare77", "every"])
@pytest.mark.usefixtures("many")
def test_it_walks_what_was_searched_to_the_end_and_back(me: Any, owner: Any, q: str) -> None:
    link = f"/memories?q={q}&page_size=7"
    there: list[list[str]] = []
    while link and len(there) < 5:
        answer = me.get(link).json()
        there.append([memory["id"] for memory in answer["results"]])
        last, link = answer, answer["next"]
    back = [[memory["id"] for memory in last["results"]]]
    while last["previous"]:
        last = me.get(last["previous"]).json()
        back.append([memory["id"] for memory in last["results"]])
    assert list(reversed(back)) == there
    hits = with_words(Memory.objects.filter(owner=owner), q)
    assert [pk for page in there for pk in page] == [str(hit.pk) for hit in hits[: 7 * len(there)]]


@pytest.mark.usefixtures("many")
def test_it_reads_as_much_of_a_page_deep_in_the_list(me: Any, owner: Any) -> None:
    deep = Memory.objects.filter(owner=owner).order_by("occurred_at")[200]
    before = (deep.occurred_at + HOUR / 60).strftime("%Y-%m-%dT%H:%M:%SZ")
    link = me.get(f"/memories?page_size=50&occurred_before={before}").json()["next"]
    [found] = plans(me, link.replace(f"occurred_before={before.replace(':', '%3A')}", ""))
    assert (indexes(found), most_read(found)) == ({"memory_owner_occurred"}, 51)
