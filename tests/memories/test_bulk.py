"""The same change to many memories."""

from typing import Any

import pytest

from memories.models import Memory, Revision
from memories.saving import bulk
from memories.saving.writing import edit
from omibackend.core.work.effects import Change
from tests.memories.told import AT, HOUR, VENUE, how, tell, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(owner: Any) -> list[Memory]:
    """Of which two speak of cake; the newest first."""
    said = ("Cake at noon.", "No sugar.", "More cake.")
    return [
        told(owner, source_id=text, text=text, title=text, occurred_at=AT - number * HOUR)
        for number, text in enumerate(said)
    ]


def ask(me: Any, **wanted: Any) -> Any:
    return me.post("/memories/bulk", wanted)


def test_it_shows_first_what_would_change(me: Any, three: list[Memory]) -> None:
    found = ask(me, filter={"q": "cake"}, action="delete", preview=True).json()
    assert (found["count"], found["more"], found["changed"]) == (2, False, 0)
    assert [each["title"] for each in found["sample"]] == ["Cake at noon.", "More cake."]
    assert Memory.objects.count() == 3


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("pin", {"pinned": True}),
        ("private", {"private": True}),
        ("wrong", {"wrong": True}),
        ("unpin", {"pinned": False}),
        ("public", {"private": False}),
        ("right", {"wrong": False}),
    ],
)
def test_it_marks_what_matches(
    me: Any, three: list[Memory], action: str, values: dict[str, bool]
) -> None:
    [(name, value)] = values.items()
    Memory.objects.update(**{name: not value})
    done = ask(me, filter={"q": "cake"}, action=action, expected=2).json()
    assert (done["count"], done["changed"]) == (2, 2)
    assert Memory.objects.filter(**values).count() == 2
    assert {r.before[name] for r in Revision.objects.all()} == {not value}
    again = ask(me, filter={"q": "cake"}, action=action, preview=True).json()
    assert (again["count"], again["more"]) == (0, False)


def test_it_files_by_id_what_a_resend_then_leaves(me: Any, owner: Any) -> None:
    first, second = told(owner), told(owner, source_id="b", text="Other")
    edit(first, {"category": "x", "title": "Ours"})
    done = ask(me, ids=[str(first.pk), str(second.pk)], action="category", category="home").json()
    assert done["changed"] == 2
    tell(owner)
    first.refresh_from_db()
    assert (first.category, first.edited_fields) == ("home", ["title", "category"])


def test_it_deletes_for_good(me: Any, owner: Any, three: list[Memory]) -> None:
    assert ask(me, filter={"q": "cake"}, action="delete", expected=2).json()["changed"] == 2
    assert how(tell(owner, source_id="More cake.")) == [Change.DELETED_BEFORE]
    assert Memory.objects.get().text == "No sugar."


def test_it_takes_a_filter_without_a_count_for_a_preview(me: Any, three: list[Memory]) -> None:
    found = ask(me, filter={}, action="delete").json()
    assert (found["preview"], found["count"], found["changed"]) == (True, 3, 0)
    assert Memory.objects.count() == 3


def test_it_stops_when_more_match_than_were_seen(me: Any, owner: Any, three: list[Memory]) -> None:
    tell(owner, source_id="late", text="Late cake.")
    answer = ask(me, filter={"q": "cake"}, action="delete", expected=2)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["attr"] == "expected"
    assert Memory.objects.count() == 4


def test_it_takes_no_more_at_a_time_than_it_says(
    me: Any, three: list[Memory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_AT_ONCE", 2)
    everything = {"occurred_before": "2030-01-01T00:00:00Z"}
    found = ask(me, filter=everything, action="pin", preview=True).json()
    assert (found["count"], found["more"]) == (2, True)
    ask(me, filter=everything, action="pin", expected=2)
    assert list(Memory.objects.filter(pinned=True)) == three[:2]
    done = ask(me, filter=everything, action="pin", expected=1).json()
    assert (done["changed"], done["more"]) == (1, False)


def test_it_touches_nothing_of_a_stranger(me: Any, three: list[Memory], staff: Any) -> None:
    hers = told(staff, text="Her cake.")
    mixed = [str(three[0].pk), str(hers.pk)]
    assert ask(me, ids=mixed, action="delete").status_code == 404
    assert ask(me, ids=mixed, action="delete", preview=True).status_code == 404
    assert ask(me, filter={"q": "cake"}, action="delete", expected=2).status_code == 200
    assert Memory.objects.filter(owner=staff).exists()


@pytest.mark.parametrize(
    "wanted",
    [
        {"action": "pin"},
        {"action": "pin", "ids": []},
        {"action": "pin", "ids": ["x"]},
        {"action": "pin", "ids": ["0" * 36]},
        {"action": "pin", "filter": []},
        {"action": "pin", "filter": {"q": "cake", "x": 1}, "preview": True},
        {"action": "pin", "filter": {"q": "cake"}, "ids": ["x"], "preview": True},
        {"action": "pin", "filter": {"q": "cake"}, "expected": -1},
        {"action": "pin", "filter": {"q": "cake"}, "preview": "true"},
        {"action": "pin", "ids": ["x"], "expected": 1},
        {"action": "erase", "filter": {"q": "cake"}, "preview": True},
    ],
)
def test_it_does_nothing_by_nonsense(me: Any, three: list[Memory], wanted: Any) -> None:
    assert ask(me, **wanted).status_code == 400
    assert not Memory.objects.filter(pinned=True).exists()


def test_it_changes_many_in_few_statements(
    me: Any, owner: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        tell(owner, source_id=str(number), text=f"{VENUE.text} {number}")
    with django_assert_max_num_queries(14):
        assert ask(me, filter={"q": "venue"}, action="pin", expected=20).json()["changed"] == 20
