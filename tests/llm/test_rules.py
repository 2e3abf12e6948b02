from datetime import UTC, datetime, timedelta

import pytest

from omibackend.llm.context import Context, Line, Recalled
from omibackend.llm.rules import answer
from omibackend.llm.terms import Term, hits, terms, words

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
VENUE = Recalled("m1", "Venue", "The deposit is due on Friday.", AT)
CATERER = Recalled("m2", "", "The caterer wants a deposit.", AT + timedelta(days=1))


def test_it_says_what_it_is_and_quotes_with_dates() -> None:
    found = answer("When is the deposit for the venue due?", Context(memories=(CATERER, VENUE)))
    assert found.text == (
        "No language model is configured. From your memories: "
        "20 Nov 2026, Venue: “The deposit is due on Friday.” "
        "21 Nov 2026: “The caterer wants a deposit.”"
    )
    assert (found.provider, found.model, found.sources) == ("rules", "", ("m1", "m2"))


def test_it_quotes_what_was_said_just_now() -> None:
    lines = (
        Line("Sarah", "The band plays at nine.", AT),
        Line("You", "Hey Omi, when is the band?"),
    )
    found = answer("when is the band", Context(transcript=lines))
    assert found.text == (
        "No language model is configured. From this conversation: "
        "20 Nov 2026, 14:05 Sarah: “The band plays at nine.”"
    )
    assert found.sources == ()


@pytest.mark.parametrize("question", ["Where is my passport?", "What did you say?", ""])
def test_it_admits_that_nothing_matches(question: str) -> None:
    found = answer(question, Context(memories=(VENUE,), transcript=(Line("S", "Hello."),)))
    assert "Nothing in your memories or in this conversation matches" in found.text
    assert found.sources == ()


def test_it_gives_the_same_answer_every_time() -> None:
    context = Context(memories=(VENUE, CATERER))
    assert answer("deposit?", context) == answer("deposit?", context)


def test_it_quotes_few_and_briefly() -> None:
    many = tuple(Recalled(str(n), "", "deposit " * 200, AT) for n in range(9))
    found = answer("deposit", Context(memories=many))
    assert len(found.sources) == 3
    assert len(found.text) < 900
    assert "deposit …”" in found.text


def test_it_gives_a_memory_without_text_by_its_title() -> None:
    found = answer("venue", Context(memories=(Recalled("m3", "Venue", "", AT),)))
    assert found.text.endswith("20 Nov 2026, Venue.")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Hey Omi, what did Sarah say about the venue?", ("Sarah", "venue")),
        ("caterers and classes", ("caterer", "classe")),
        ("the boss's glass", ("boss", "glass")),
        ("venue, venue; VENUE", ("venue", "VENUE")),
        ("was wollte Élodie am 24.?", ("wollte", "Élodie", "24")),
        ("नमस्ते दुनिया", ("नमस्ते", "दुनिया")),
        ("what did you say", ()),
    ],
)
def test_it_takes_the_telling_words(question: str, found: tuple[str, ...]) -> None:
    assert tuple(term.text for term in terms(question)) == found


def test_it_takes_no_more_words_than_a_query_should_have() -> None:
    assert len(terms(" ".join(f"word{number}" for number in range(500)))) == 24


@pytest.mark.parametrize(
    ("term", "text", "count"),
    [("cater", "The caterers", 1), ("cat", "category", 0), ("cat", "a CAT!", 1)],
)
def test_it_finds_longer_words_by_their_beginning(term: str, text: str, count: int) -> None:
    assert hits((Term(term),), text) == count


def test_it_leaves_no_character_that_a_query_would_read() -> None:
    assert words("a'b\\c:*d|e&f!(g)<->h\x00i") == list("abcdefghi")
