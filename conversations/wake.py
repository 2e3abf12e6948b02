""" "Hey Omi": where it is said, by whom, and where the question after it ends.

A greeting must stand before the name: "Naomi", "economist" and a bare "Omi" in running speech are
no call. Speech recognition hears the name in many ways; the two-word ones count after "hey" only.
"""

import re
from dataclasses import dataclass

from conversations.identity import Segment

_BEFORE, _BETWEEN = r"(?<![\w'’])", r"[^\w]{1,6}"
WAKE = re.compile(
    rf"{_BEFORE}(?:"
    rf"(?:hey|hay|hei|ok|okay|hi|hello|yo){_BETWEEN}oh?m(?:i|ie|ii|ee|y)"
    rf"|(?:hey|hay|hei){_BETWEEN}oh?[\s,]{{1,2}}m(?:i|e|ee)"
    r")(?!\w)",
    re.IGNORECASE,
)
# What any call ends with, for a first look at a whole delivery.
_NAME = re.compile(r"(?<!\w)oh?[\s,]{0,2}m(?:i|ie|ii|ee|y|e)(?!\w)", re.IGNORECASE)
_HINTS = ("omi", "omy", "omee", "ohm", "o m", "oh m", "oh, m", "o, m", "oh  m")
_GREETING_LAST = re.compile(
    rf"{_BEFORE}(?:hey|hay|hei|ok|okay|hi|hello|yo)\W{{0,6}}$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*$")
_LEADING = " \t\n,.!;:-–—…"

# The person's own pattern runs on this much text only.
MOST_MATCHED_CHARS = 1000
SHORTEST_SENTENCE_WORDS = 3
YOU = "you"


@dataclass(frozen=True, slots=True)
class Call:
    """A wake phrase that ends in a segment's text."""

    at: int
    end: int


def is_called(text: str) -> bool:
    """Whether the name is heard anywhere: cheap, and true too often rather than too seldom."""
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS) and _NAME.search(text) is not None


def ends_in_greeting(text: str) -> bool:
    return _GREETING_LAST.search(text[-20:]) is not None


def calls(text: str, *, before: str = "", pattern: str = "") -> list[Call]:
    """The calls that end in `text`; `before` is what the same voice said just before it."""
    wake = re.compile(pattern, re.IGNORECASE) if pattern else WAKE
    lead = f"{before[-200:]} " if before else ""
    joined = (lead + text)[:MOST_MATCHED_CHARS] if pattern else lead + text
    return [
        Call(match.start() - len(lead), match.end() - len(lead))
        for match in wake.finditer(joined)
        if match.end() > len(lead) and match.end() > match.start()
    ]


def is_person(segment: Segment) -> bool:
    """Whether the wearer speaks; where the sender does not know, it is taken to be so."""
    return segment.is_user is not False or segment.speaker.lower() == "user"


def voice_of(segment: Segment) -> str:
    if segment.is_user or segment.speaker.lower() == "user":
        return YOU
    return segment.speaker


def after_call(text: str) -> str:
    return text.lstrip(_LEADING).rstrip()


def ends_question(question: str) -> bool:
    """Whether a question is complete with this: at its "?", or at the end of a real sentence."""
    end = _SENTENCE_END.search(question)
    if end is None:
        return False
    return "?" in end[0] or "？" in end[0] or len(question.split()) >= SHORTEST_SENTENCE_WORDS
