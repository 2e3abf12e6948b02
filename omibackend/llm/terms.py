"""The words of a question that can find something."""

import re
import unicodedata
from dataclasses import dataclass

MOST_TERMS = 24
SHORTEST_PREFIX_CHARS = 4
# Spoken English around a question, and the name that it is put to.
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a about after again all also am an and any are as at be because been before but by can could
    did do does doing don done for from get give going gonna got had has have having he hello her
    here hers hey hi him his how i if in into is it its just know last let like ll m many me
    mean might more most much must my no not now of off ok okay omi on one or our out over please
    re really remember remind s said say says shall she should so some something t tell than
    thank thanks that the their them then there these they thing things think this those to told
    too up us ve very want was wanna we well were what when where which who whom whose why will
    with would yeah yes you your yours
    """,
    )
)


@dataclass(frozen=True)
class Term:
    """A word to look for; a longer one also finds the words that begin with it."""

    text: str

    @property
    def is_prefix(self) -> bool:
        return len(self.text) >= SHORTEST_PREFIX_CHARS

    def finds(self, word: str) -> bool:
        return word.startswith(self.text.lower()) if self.is_prefix else word == self.text.lower()


def words(text: str) -> list[str]:
    """Runs of letters, marks and digits. The case stays: lowering is the database's business."""
    kept = "".join(char if unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return kept.split()


def terms(question: str) -> tuple[Term, ...]:
    """In the order of the question, without stop words and repeats; a plural finds its singular."""
    telling = [word for word in words(question) if word.lower() not in STOP_WORDS]
    bare = [re.sub(r"(?i)(?<=[a-z]{3})(?<!s)s$", "", word) for word in telling]
    return tuple(Term(word) for word in dict.fromkeys(bare))[:MOST_TERMS]


def hits(wanted: tuple[Term, ...], text: str) -> int:
    """How many of the terms stand in the text."""
    there = {word.lower() for word in words(text)}
    return sum(any(term.finds(word) for word in there) for term in wanted)
