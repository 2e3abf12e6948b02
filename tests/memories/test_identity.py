import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memories.saving.identity import normalised, text_hash


@settings(deadline=None)
@given(st.text())
def test_it_is_stable_once_normalised(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["P", "Zs", "L", "M"])))
def test_it_is_stable_where_punctuation_held_marks_apart(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    "text",
    [
        "PAY the deposit!",
        "pay\n the  “deposit”…",
        "pay the, deposit",
        "\uff50\uff41\uff59 the deposit",
    ],
)
def test_it_levels_case_spacing_punctuation_and_width(text: str) -> None:
    assert text_hash(text) == text_hash("Pay the deposit.")


def test_it_keeps_words_apart_that_punctuation_joined() -> None:
    assert normalised("venue,deposit") == "venue deposit"


@pytest.mark.parametrize(("one", "other"), [("Pay 5", "Pay 6"), ("!", "?"), ("💒", "🎂")])
def test_it_tells_different_texts_apart(one: str, other: str) -> None:
    assert text_hash(one) != text_hash(other)
