"""The memories of a person over HTTP."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from memories.models import Memory, Tombstone
from memories.saving.writing import edit
from memories.search.finding import matching
from omibackend.core.work.effects import Change
from tests.memories.told import AT, HOUR, UNNAMED, VENUE, how, tell, told

pytestmark = pytest.mark.django_db
SHOWN = {
    *("id", "kind", "title", "text", "category", "emoji", "source", "occurred_at", "created_at"),
    *("updated_at", "edited", "pinned", "private", "wrong", "similar_to", "action_items"),
    "events",
}


@pytest.fixture
def venue(owner: Any) -> Memory:
    return told(owner)


@pytest.fixture
def caterer(owner: Any) -> Memory:
    changes: dict[str, Any] = {"action_items": (), "events": (), "category": "work"}
    text = "They want a deposit."
    return told(owner, source_id="c", title="Caterer", text=text, occurred_at=AT + HOUR, **changes)


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [memory["title"] for memory in answer.json()["results"]]


def test_it_shows_a_memory_with_its_parts(me: APIClient, venue: Memory) -> None:
    shown = me.get(f"/memories/{venue.pk}").json()
    assert shown.keys() == SHOWN
    assert (shown["id"], shown["title"], shown["edited"]) == (str(venue.pk), VENUE.title, False)
    assert shown["occurred_at"] == "2026-11-20T14:05:00Z"
    assert shown["action_items"][0]["description"] == "Pay the venue deposit"
    assert shown["events"][0]["duration_minutes"] == 60
    assert me.get("/memories/").json()["results"] == [shown]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Caterer", VENUE.title]),
        ("q=deposit", ["Caterer", VENUE.title]),
        ("q=deposit+-caterer", [VENUE.title]),
        ("q=%22venue+deposit%22", [VENUE.title]),
        ("q=unheard", []),
        ("q=%20", ["Caterer", VENUE.title]),
        ("q=!!", []),
        ("category=family", [VENUE.title]),
        ("category=none", []),
        ("occurred_after=2026-11-20T15:05:00Z", ["Caterer"]),
        ("occurred_before=2026-11-20T15:05:00Z", [VENUE.title]),
        ("occurred_after=2026-11-20T16:05:00%2B02:00&q=venue", [VENUE.title]),
        ("occurred_before=2026-11-20T14:05:01-23:59", ["Caterer", VENUE.title]),
        ("pinned=true", [VENUE.title]),
        ("pinned=false", ["Caterer"]),
        ("private=true", []),
        ("wrong=false&category=work", ["Caterer"]),
    ],
)
def test_it_narrows_the_list_down(
    me: APIClient, venue: Memory, caterer: Memory, query: str, found: list[str]
) -> None:
    edit(venue, {"pinned": True})
    assert titles(me.get(f"/memories?{query}")) == found


@pytest.mark.parametrize(
    "query",
    [
        *("pinned=maybe", "private=1", "occurred_after=yesterday", "occurred_before=2026-99-01"),
        *("occurred_before=", "pinned=", "occurred_after=0001-01-01T00:00:00%2B14:00"),
        *("q=%00", f"q={'x' * 501}", f"category={'x' * 41}", "page_size=0"),
    ],
)
def test_it_says_what_is_wrong_with_a_query(me: APIClient, query: str) -> None:
    answer = me.get(f"/memories?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == query.partition("=")[0]


def test_it_puts_what_fits_best_first(me: APIClient, owner: Any) -> None:
    tell(owner, source_id="a", title="Venue venue", text="The venue", occurred_at=AT)
    tell(owner, source_id="b", title="Lunch", text="near the venue", occurred_at=AT + HOUR)
    assert titles(me.get("/memories?q=venue")) == ["Lunch", "Venue venue"]
    best = me.get("/memories?q=venue&order=relevance")
    assert titles(best) == ["Venue venue", "Lunch"]
    assert (best.json()["next"], best.json()["previous"]) == (None, None)
    assert titles(me.get("/memories?q=venue&order=relevance&page_size=1")) == ["Venue venue"]
    assert me.get("/memories?q=venue&order=size").status_code == 400


def test_it_pages_through_what_was_searched(me: APIClient, owner: Any) -> None:
    for number in range(5):
        tell(owner, source_id=str(number), text=f"Text {number}", occurred_at=AT + number * HOUR)
    link, seen = "/memories?q=text&page_size=2", []
    while link:
        page = me.get(link).json()
        seen += [memory["text"] for memory in page["results"]]
        link = page["next"]
    assert seen == [f"Text {number}" for number in (4, 3, 2, 1, 0)]


def test_it_lists_many_with_as_few_queries_as_one(
    me: APIClient, owner: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        tell(owner, source_id=str(number), text=f"Text {number}")
    with django_assert_max_num_queries(6):
        assert len(titles(me.get("/memories"))) == 30


def test_it_keeps_a_note(me: APIClient) -> None:
    answer = me.post("/memories", {"title": "Parking", "text": "Level 3.", "category": "car"})
    assert answer.status_code == 201
    note = answer.json()
    assert (note["kind"], note["title"], note["text"], note["category"]) == (
        *("note", "Parking", "Level 3."),
        "car",
    )
    assert titles(me.get("/memories?q=parking")) == ["Parking"]


def test_it_keeps_the_same_note_once(me: APIClient) -> None:
    first = me.post("/memories", {"text": "Level 3."})
    again = me.post("/memories", {"text": "level 3", "title": "Parking"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (again.json()["id"], again.json()["title"]) == (first.json()["id"], "Parking")
    assert Memory.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": 5},
        {"text": None},
        {"text": "a\x00b"},
        {"text": "x", "titel": "y"},
        {"text": "x", "owner": 7},
        {"text": "x", "category": "x" * 41},
        [],
        "text",
    ],
)
def test_it_keeps_no_nonsense(me: APIClient, body: Any) -> None:
    assert me.post("/memories", body).status_code == 400
    assert Memory.objects.count() == 0


def test_it_refuses_half_a_character(me: APIClient) -> None:
    answer = me.generic("POST", "/memories", '{"text": "\\ud800"}', content_type="application/json")
    assert answer.status_code == 400


def test_it_buries_a_deleted_note_and_writes_it_anew_when_asked(me: APIClient, owner: Any) -> None:
    note = me.post("/memories", {"text": "Level 3."}).json()
    assert me.delete(f"/memories/{note['id']}").status_code == 204
    assert how(tell(owner, UNNAMED, kind="note", text="Level 3.")) == [Change.DELETED_BEFORE]
    assert me.post("/memories", {"text": "Level 3."}).status_code == 201
    assert not Tombstone.objects.exists()


def test_it_changes_what_a_resend_then_leaves(me: APIClient, owner: Any, venue: Memory) -> None:
    answer = me.patch(f"/memories/{venue.pk}", {"title": "Our venue", "emoji": "🏰"})
    assert (answer.json()["title"], answer.json()["edited"]) == ("Our venue", True)
    tell(owner, title="Sender's", text="Sender's")
    shown = me.get(f"/memories/{venue.pk}").json()
    assert (shown["title"], shown["emoji"], shown["text"]) == ("Our venue", "🏰", "Sender's")


def test_it_does_not_call_a_mark_an_edit(me: APIClient, venue: Memory) -> None:
    shown = me.patch(f"/memories/{venue.pk}", {"pinned": True, "wrong": True}).json()
    assert (shown["pinned"], shown["wrong"], shown["private"], shown["edited"]) == (
        *(True, True, False),
        False,
    )


@pytest.mark.parametrize(
    "body",
    [{"title": None}, {"pinned": "yes"}, {"source": "me"}, {"title": "x" * 501}, {"emoji": "\x00"}],
)
def test_it_changes_nothing_by_nonsense(me: APIClient, venue: Memory, body: Any) -> None:
    assert me.patch(f"/memories/{venue.pk}", body).status_code == 400
    assert Memory.objects.values().get() == Memory.objects.filter(pk=venue.pk).values().get()


def test_it_deletes_for_good(me: APIClient, owner: Any, venue: Memory) -> None:
    assert me.delete(f"/memories/{venue.pk}").status_code == 204
    assert me.get(f"/memories/{venue.pk}").status_code == 404
    assert me.delete(f"/memories/{venue.pk}").status_code == 404
    assert how(tell(owner)) == [Change.DELETED_BEFORE]


@pytest.mark.parametrize("mark", ["private", "wrong"])
def test_it_tells_no_model_of_a_private_or_wrong_one(
    me: APIClient, owner: Any, venue: Memory, mark: str
) -> None:
    assert matching(owner.pk, "What about the venue?", 5) == [venue]
    me.patch(f"/memories/{venue.pk}", {mark: True})
    assert matching(owner.pk, "What about the venue?", 5) == []
    assert titles(me.get("/memories?q=venue")) == [VENUE.title]


ROUTES = [
    ("get", "/memories/{}"),
    ("patch", "/memories/{}"),
    ("delete", "/memories/{}"),
    ("get", "/memories/{}/history"),
    ("post", "/memories/{}/revert"),
    ("post", "/memories/{}/merge"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_it_shows_a_stranger_nothing(
    stranger: APIClient, venue: Memory, method: str, route: str
) -> None:
    answer = getattr(stranger, method)(route.format(venue.pk), {})
    assert answer.status_code == 404
    assert Memory.objects.get().title == VENUE.title


def test_it_lists_and_exports_a_stranger_nothing(stranger: APIClient, venue: Memory) -> None:
    assert titles(stranger.get("/memories?q=venue")) == []
    for kind in ("json", "csv", "md"):
        assert VENUE.title.encode() not in b"".join(stranger.get(f"/memories/export?format={kind}"))


@pytest.mark.parametrize("pk", ["-" * 36, "f" * 36, "x", "%00", quote("é" * 36)])
@pytest.mark.parametrize("route", ["/memories/{}", "/memories/{}/history", "/action-items/{}"])
def test_it_knows_no_memory_by_what_is_no_id(me: APIClient, route: str, pk: str) -> None:
    assert me.get(route.format(pk)).status_code == 404


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_it_asks_who_calls(api: Any, venue: Memory, method: str, route: str) -> None:
    assert getattr(api(), method)(route.format(venue.pk)).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [(["read"], 200, 403), (["write"], 403, 200), (["chat"], 403, 403)],
)
def test_it_asks_for_the_right(
    api: Any, owner: Any, venue: Memory, scopes: list[str], reads: int, writes: int
) -> None:
    program = api(owner, scopes)
    program.default_format = "json"
    assert program.get(f"/memories/{venue.pk}").status_code == reads
    assert program.patch(f"/memories/{venue.pk}", {}).status_code == writes


def test_it_knows_notes_of_long_ago_apart(me: APIClient) -> None:
    me.post("/memories", {"text": "Level 3."})
    Memory.objects.update(occurred_at=AT - timedelta(days=300))
    assert me.post("/memories", {"text": "Level 3."}).status_code == 201
