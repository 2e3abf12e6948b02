""" "Hey Omi": where it is said, by whom, and where the question after it ends.

A greeting must stand before the name: "Naomi", "economist" and a bare "Omi" in running speech are
no call. Speech recognition hears the name in many ways; the two-word ones count after "hey" only.
"""

import re
from dataclasses import dataclass
from itertools import islice

from omibackend.accounts.patterns import compiled

_QUOTES = "\u2018\u2019"
_BEFORE, _BETWEEN = rf"(?<![\w'{_QUOTES}])", r"\W{1,6}"
_GREETING, _HEY = "(?:hey|hay|hei|ok|okay|hi|hello|yo)", "(?:hey|hay|hei)"
WAKE = re.compile(
    rf"{_BEFORE}(?:{_GREETING}{_BETWEEN}oh?m(?:i|ie|ii|ee|y)"
    rf"|{_HEY}{_BETWEEN}oh?[\s,]{{1,2}}m(?:i|e|ee))(?!\w)",
    re.IGNORECASE,
)
# The name at the very beginning: the greeting may have come with the delivery before.
_NAME_FIRST = re.compile(r"\W{0,6}oh?[\s,]{0,2}m(?:i|ie|ii|ee|y|e)(?!\w)", re.IGNORECASE)
# Some part of every call, to be looked for before a regular expression is.
_HINTS = (" omi", " omy", " omee", " ohm", ",omi", "-omi", "\u2026omi", " hey", " hay", " hei")
_FIRST_HINTS = ("omi", "omy", "omee", "oh", "o ", "o,", "hey", "hay", "hei", '"', ".", " ")
_SENTENCE_END = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f]+[\"'\u201d{_QUOTES})\]]*$")
_QUESTION_MARKS = "?\uff1f"
_LEADING = " \t\n,.!;:-\u2013\u2014\u2026"
_GREETING_LAST = re.compile(rf"{_BEFORE}{_GREETING}\W{{0,6}}$", re.IGNORECASE)

# The person's own pattern runs on this much text only.
MOST_MATCHED_CHARS = 1000
# Each search may read to the end of the text.
MOST_CALLS = 20
SHORTEST_SENTENCE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Call:
    """A wake phrase that ends in a segment's text."""

    at: int
    end: int


def is_called(text: str) -> bool:
    """Whether a delivery may hold a call, or the end of one that began in the delivery before."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS) and not lowered.startswith(_FIRST_HINTS):
        return False
    return WAKE.search(text) is not None or _NAME_FIRST.match(text) is not None


def ends_in_greeting(text: str) -> bool:
    return _GREETING_LAST.search(text[-20:]) is not None


def calls(text: str, *, before: str = "", pattern: str = "") -> list[Call]:
    """The calls that end in `text`; `before` is what the same voice said just before it."""
    wake = compiled(pattern) if pattern else WAKE
    lead = f"{before[-200:]} " if before else ""
    joined = (lead + text)[:MOST_MATCHED_CHARS] if pattern else lead + text
    return [
        Call(match.start() - len(lead), match.end() - len(lead))
        for match in islice(wake.finditer(joined), MOST_CALLS)
        if match.end() > len(lead) and match.end() > match.start()
    ]


def after_call(text: str) -> str:
    return text.lstrip(_LEADING).rstrip()


def ends_question(question: str) -> bool:
    """Whether a question is complete with this: at its "?", or at the end of a real sentence."""
    end = _SENTENCE_END.search(question)
    if end is None:
        return False
    if any(mark in end[0] for mark in _QUESTION_MARKS):
        return True
    return len(question.split()) >= SHORTEST_SENTENCE_WORDS
