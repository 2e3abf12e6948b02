"""Regular expressions that people write."""

import time

import pytest

from conversations.voice.wake_word import calls
from omibackend.accounts.patterns import NotAPattern, compiled

HEARD = "a" * 1000
RUN_AWAY = ["(a+)+$", "(a|a)*b", "(a*)*c", "(.*a){20}b", "(x?a?){50}z|.*y|"]


@pytest.mark.parametrize("pattern", RUN_AWAY)
def test_it_cannot_run_away(pattern: str) -> None:
    compiled(pattern)
    started = time.perf_counter()
    calls(HEARD + "!", pattern=pattern)
    assert time.perf_counter() - started < 1


def test_it_finds_the_call_where_it_ends() -> None:
    (call,) = calls("well, Computer, what is next?", pattern=r"\bcomputer\b")
    assert (call.at, call.end) == (6, 14)


def test_it_counts_characters_and_not_bytes() -> None:
    (call,) = calls("Žluťoučký kůň, computer!", pattern="computer")
    assert (call.at, call.end) == (15, 23)


@pytest.mark.parametrize("pattern", ["(", "a{1001}", "(?=a)", r"(a)\1", "[z-a]", "(a{500}){3}"])
def test_it_refuses_with_a_reason(pattern: str) -> None:
    with pytest.raises(NotAPattern, match="not"):
        compiled(pattern)
