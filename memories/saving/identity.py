"""What makes two texts the same text."""

import hashlib
import sys
import unicodedata
from functools import cache


@cache
def _punctuation() -> dict[int, str]:
    every = range(sys.maxunicode + 1)
    return {point: " " for point in every if unicodedata.category(chr(point)).startswith("P")}


def _pass(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_punctuation()).split())


def normalised(text: str) -> str:
    """Compatibility forms, case, punctuation and spacing levelled.

    One pass is not enough: folding can denormalise, and what punctuation held apart can compose.
    """
    while (levelled := _pass(text)) != text:
        text = levelled
    return text


def text_hash(text: str) -> str:
    """Of the normalised text; of the text itself where nothing but punctuation is in it."""
    return hashlib.sha256((normalised(text) or text).encode()).hexdigest()
