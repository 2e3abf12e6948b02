"""Whether speech repeats a text, as speech recognition hears it: rules without a database."""

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

from rapidfuzz import fuzz

from conversations.segments import Segment
from conversations.transcripts.text import words_of
from conversations.voice.wake_word import is_called

# Of 100, by characters of the plain words. Fewer words than `MANY_WORDS` are found in any longer
# text: they must be repeated almost exactly, and be about all that was given or part of more.
REPEATED, NEARLY_EXACT = 88.0, 95.0
MANY_WORDS = 8
MOST_ADDED_WORDS = 3


def plain(text: str) -> str:
    return " ".join(words_of(text))


def repeating(segments: Iterable[Segment], own: str) -> list[Segment]:
    """Stretches of speech that repeat `own`, or a good part of it."""
    there = set(own.split())
    found: list[Segment] = []
    for repeated, stretch in groupby(segments, key=lambda s: is_in(plain(s.text), own, there)):
        said = list(stretch)
        if repeated and are_ours([plain(segment.text) for segment in said], own):
            found += said
    return found


def is_in(said: str, own: str, there: Collection[str] | None = None) -> bool:
    """Both as plain words; `there` are those of `own`, for who asks this of many."""
    words = said.split()
    there = set(own.split()) if there is None else there
    # Speech recognition hears a word or two otherwise; half of them it gets right. A set is quick.
    if not words or 2 * sum(word in there for word in words) < len(words):
        return False
    # One segment may hold the answer and what the person said to it.
    if len(words) > len(own.split()) + MOST_ADDED_WORDS or is_called(said) > is_called(own):
        return False
    least = REPEATED if len(words) >= MANY_WORDS else NEARLY_EXACT
    same = fuzz.partial_ratio if len(said) <= len(own) else fuzz.ratio
    return same(said, own, score_cutoff=least) > 0


def are_ours(stretch: Sequence[str], own: str) -> bool:
    said = " ".join(stretch)
    if not said:
        return False
    if len(said.split()) < MANY_WORDS:
        return fuzz.ratio(said, own, score_cutoff=NEARLY_EXACT) > 0
    return is_in(said, own) or len(stretch) > 1
