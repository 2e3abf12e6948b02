"""What is a question and what is not, without a database."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.segments import Segment
from conversations.voice.detector import ListenerState, QuestionDraft, advance
from conversations.voice.wake_word import calls, ends_question, is_called
from omibackend.accounts.models import ListenMode, Preferences
from tests.conversations.speech import at, batch, said

SARAH = "what did Sarah say about the venue?"


def heard(
    *deliveries: list[Segment],
    preferences: Preferences | None = None,
    ear: ListenerState | None = None,
    apart_s: float = 1.0,
) -> dict[str, QuestionDraft]:
    """The questions in deliveries that arrive a second apart, by their trigger."""
    found: dict[str, QuestionDraft] = {}
    ear = ear or ListenerState()
    for number, segments in enumerate(deliveries):
        used = {key for asked in found.values() for key in asked.keys}
        ear, touched = advance(
            ear,
            batch(1, *segments, heard_s=100 + number * apart_s),
            preferences or Preferences(),
            known=found.keys(),
            used=used,
        )
        found |= {asked.trigger_key: asked for asked in touched}
    return found


def only(found: dict[str, QuestionDraft]) -> QuestionDraft:
    (asked,) = found.values()
    return asked


@pytest.mark.parametrize(
    "text",
    [
        "Hey Omi, {}",
        "hey omi {}",
        "So it is due on Friday. Hey, Omi! {}",
        "HEY OMI {}",
        "Hey … Omi, {}",
        "Hey oh me, {}",
        "Hey, Omie, {}",
        "hey omy {}",
        "OK Omi, {}",
        "Hi Omi. {}",
        "Hello, Omi: {}",
        "Yo Omi {}",
    ],
)
def test_it_hears_a_call_in_one_segment(text: str) -> None:
    asked = only(heard([said(text.format(SARAH), 10, 14)]))
    assert (asked.text, asked.closed, asked.start_s) == (SARAH, True, 10)
    assert is_called(text.format(SARAH))


@pytest.mark.parametrize(
    "text",
    [
        "Naomi, what did Sarah say?",
        "Hey Naomi, what did Sarah say?",
        "The economist said so, ok?",
        "Hey, my friend, how are you?",
        "Hey, oh my god, what did Sarah say?",
        "I told Omi about it. What did she say?",
        "Omi, what did Sarah say?",
        "They omitted it, didn't they?",
        "Hey, omit that, will you?",
        "Okay, oh me too.",
    ],
)
def test_it_hears_no_call_where_there_is_none(text: str) -> None:
    assert heard([said(text, 10, 14)]) == {}


def test_it_hears_a_call_across_two_segments() -> None:
    words = [said("It is due on Friday. Hey", 1, 4), said(f"Omi, {SARAH}", 5, 8)]
    for deliveries in ([words], [[words[0]], [words[1]]]):
        asked = only(heard(*deliveries))
        assert asked.text == SARAH
        assert asked.quote == f"Hey Omi, {SARAH}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (said("Hey", 1, 2), said(f"Omi, {SARAH}", 4.5)),  # 2.5 s between them
        (said("Hey", 1, 2, speaker="SPEAKER_01", is_user=False), said(f"Omi, {SARAH}", 2.5)),
        (said("Hey", 1, 2, speaker="A", is_user=None), said(f"Omi, {SARAH}", 2.5, is_user=None)),
    ],
)
def test_it_joins_no_call_from_two_voices_or_after_a_pause(first: Segment, second: Segment) -> None:
    assert heard([first], [second]) == {}


@pytest.mark.parametrize(
    ("speaker", "counts"),
    [
        ({"is_user": False}, False),
        ({"is_user": None}, True),
        ({"is_user": None, "speaker": "user"}, True),
        ({"is_user": False, "speaker": "user"}, True),
    ],
)
def test_it_listens_to_the_wearer_only(speaker: dict[str, Any], counts: bool) -> None:
    assert bool(heard([said(f"Hey Omi, {SARAH}", 1, **speaker)])) is counts


def test_it_waits_for_the_rest_of_a_question() -> None:
    parts = [said("Hey Omi.", 1, 2), said("What did Sarah", 3, 4), said("say?", 4.5, 5)]
    for count, text, closed in ((1, "", False), (2, "What did Sarah", False)):
        asked = only(heard(*[[part] for part in parts[:count]]))
        assert (asked.text, asked.closed) == (text, closed)
    assert only(heard(*[[part] for part in parts])).text == "What did Sarah say?"


def test_it_closes_a_question_when_somebody_else_speaks() -> None:
    asked = only(
        heard(
            [said("Hey Omi, what did Sarah say", 1, 3)],
            [said("She said Tuesday.", 3, 4, is_user=False, speaker="SPEAKER_01")],
            [said("I see", 4, 5)],
        )
    )
    assert (asked.text, asked.closed) == ("what did Sarah say", True)


@pytest.mark.parametrize(("start_s", "apart_s"), [(9.5, 1), (4, 6)])
def test_it_closes_a_question_after_a_pause_on_either_clock(start_s: float, apart_s: float) -> None:
    found = heard(
        [said("Hey Omi, what did Sarah say", 1, 4)],
        [said("I bought some bread", start_s)],
        apart_s=apart_s,
    )
    assert (only(found).text, only(found).closed) == ("what did Sarah say", True)


def test_it_hears_two_questions_in_one_breath() -> None:
    found = heard([said("Hey Omi, what time is it? Hey Omi, where is Sarah?", 1, 6)])
    assert [asked.text for asked in found.values()] == ["what time is it?", "where is Sarah?"]


def test_it_asks_nothing_twice_when_deliveries_come_again() -> None:
    first = [said("Hey", 1, 2)], [said("Omi, what did Sarah", 2, 3)], [said("say?", 3.5, 4)]
    once = only(heard(*first))
    for again in ([*first, *first], [first[0], first[1], first[0], first[1], first[2]]):
        asked = only(heard(*again))
        assert (asked.text, asked.keys, asked.closed) == (once.text, once.keys, True)


def test_it_hears_what_was_missed_before_an_open_question() -> None:
    late = [said(f"Hey Omi, {SARAH}", 1, 4)]
    found = heard([said("Hey Omi, and where", 6, 8)], late)
    assert sorted(asked.text for asked in found.values()) == ["and where", SARAH]


def test_it_takes_the_persons_own_pattern_instead() -> None:
    preferences = Preferences(activation_regex=r"\bcomputer\b")
    assert only(heard([said("Computer, what is next?", 1)], preferences=preferences)).text == (
        "what is next?"
    )
    assert heard([said(f"Hey Omi, {SARAH}", 1)], preferences=preferences) == {}
    long = said("x" * 1100 + " computer, what is next?", 1)
    assert heard([long], preferences=preferences) == {}


def test_it_answers_everything_in_the_mode_for_that() -> None:
    preferences = Preferences(listen_mode=ListenMode.ALWAYS)
    found = heard(
        [said("Where is my umbrella?", 1)],
        [said("Nobody knows that.", 3, is_user=False)],
        [said("Yes.", 5)],
        preferences=preferences,
    )
    closed = [asked.text for asked in found.values() if asked.closed]
    assert closed == ["Where is my umbrella?"]


@pytest.mark.parametrize(("spoken_s", "follows"), [(95, True), (91, False), (101, False)])
def test_it_takes_what_follows_an_answer_as_a_question(spoken_s: float, follows: bool) -> None:
    preferences = Preferences(listen_mode=ListenMode.FOLLOWUP)
    ear = ListenerState(spoken_at=at(spoken_s))
    found = heard([said("And on Sunday?", 1)], preferences=preferences, ear=ear)
    assert bool(found) is follows
    assert heard([said("And on Sunday?", 1)], ear=ear) == {}


WORDS = ["Friday", "is", "fine.", "Hey", "Omi,", "what", "did", "Sarah", "say", "then?", "Bread"]


@given(cuts=st.sets(st.integers(1, len(WORDS) - 1)))
def test_it_hears_the_same_question_however_the_words_are_delivered(cuts: set[int]) -> None:
    segments = [said(word, 1 + i * 0.5, 1.4 + i * 0.5, key=f"k{i}") for i, word in enumerate(WORDS)]
    edges = [0, *sorted(cuts), len(WORDS)]
    found = heard(*(segments[a:b] for a, b in pairwise(edges)), apart_s=0.2)
    asked = only(found)
    assert (asked.text, asked.closed) == ("what did Sarah say then?", True)
    assert asked.keys == tuple(f"k{i}" for i in range(4, 10))


@pytest.mark.parametrize(
    ("text", "ends"),
    [("what?", True), ("tell me more.", True), ("well.", False), ("so", False), ("why", False)],
)
def test_it_knows_the_end_of_a_question(text: str, ends: bool) -> None:
    assert ends_question(text) is ends


def test_it_finds_a_call_that_began_before() -> None:
    (call,) = calls("Omi, hello", before="so then, hey")
    assert (call.at, call.end) == (-4, 3)
