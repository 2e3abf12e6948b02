"""What was said, compared as words: case, punctuation and spacing carry nothing."""

import re
from collections import Counter

# Scripts written without spaces are compared character by character.
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W{_UNSPACED}]+")


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def share_found(part: list[str], whole: list[str]) -> float:
    """How much of `part` stands in `whole`, by pairs of neighbouring words: from 0 to 1.

    Single words would not do: any minute of speech holds most of the common ones.
    """
    if not part:
        return 1.0
    size = min(2, len(part))
    wanted, there = _grams(part, size), _grams(whole, size)
    return (wanted & there).total() / wanted.total()


def _grams(words: list[str], size: int) -> "Counter[tuple[str, ...]]":
    return Counter(zip(*(words[offset:] for offset in range(size)), strict=False))
