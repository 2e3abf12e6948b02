"""Commands among the spoken questions: recognised by their words alone, without a database.

"Hey Omi, switch to memories." · "list windows" · "select window 2" · "cancel" · "remember that …"
· "add a to-do: …" · "clear context" · "verify 123456"
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversations.models import Space

MOST_TEXT_CHARS = 1000


class Do(StrEnum):
    HELP = "help"
    SPACES = "list spaces"
    SWITCH = "switch space"
    WINDOWS = "list windows"
    SELECT = "select window"
    # A bare number: an answer to "Which window?"
    NUMBER = "number"
    CANCEL = "cancel"
    CLEAR = "clear context"
    VERIFY = "verify code"
    REMEMBER = "save memory"
    TODO = "add to-do"


@dataclass(frozen=True, slots=True)
class Command:
    do: Do
    space: Space = Space.DEFAULT
    slot: int | None = None
    text: str = ""


_SPACE_NAMES = {
    **{space.value: space for space in Space},
    **dict.fromkeys(("to do", "to dos", "to-do", "to-dos", "todo", "todo list"), Space.TODOS),
    **dict.fromkeys(("main", "normal", "home"), Space.DEFAULT),
    "memory": Space.MEMORIES,
    "task": Space.TASKS,
    "friend": Space.FRIENDS,
    "notification": Space.NOTIFICATIONS,
}
_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SLOTS = {
    **{str(number): number for number in range(1, 6)},
    **{_DIGIT_WORDS[number]: number for number in range(1, 6)},
    **{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5},  # noqa: PIE800 (a table)
    **{"to": 2, "too": 2, "for": 4},  # noqa: PIE800 (as they are misheard)
}


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_THE = r"(?:me |the |my |all )*"
_SLOT = f"(?P<slot>{_any(_SLOTS)})"
_DIGIT = rf"(?:\d|{_any(_DIGIT_WORDS)}|oh)"
# What is said in full with these words: nothing can follow that would change it.
_CLOSED = [
    (Do.HELP, r"help|menu|show me the menu|show the menu|what can i say"),
    (Do.SPACES, rf"(?:list|show) {_THE}spaces|what spaces are there"),
    (
        Do.SWITCH,
        r"(?:switch|change|go|move)(?: back)?(?: the)?(?: space)? to (?:the |my )?"
        rf"(?P<space>{_any(_SPACE_NAMES)})(?: space| mode)?",
    ),
    (Do.WINDOWS, rf"(?:list|show) {_THE}(?:windows|conversations)"),
    (
        Do.SELECT,
        r"(?:(?:select|open|choose|activate|switch to|go to) (?:the )?)?"
        rf"(?:window|conversation)(?: number)? {_SLOT}",
    ),
    (Do.SELECT, r"(?:select|choose|activate) (?:a |the )?(?:window|conversation)"),
    (Do.NUMBER, rf"(?:number |the )*{_SLOT}(?: one)?"),
    (Do.CANCEL, r"cancel|never ?mind|cancel (?:that|it)"),
    (Do.CLEAR, r"(?:clear|reset) (?:the |my |this )?context|start over"),
    (Do.VERIFY, rf"verify(?: (?:me|my|the|code|is))* {_DIGIT}(?:[ -]?{_DIGIT}){{5}}"),
]
_CLOSED_PATTERNS = [(do, re.compile(pattern, re.IGNORECASE)) for do, pattern in _CLOSED]
_BETWEEN = r"[\s,:;.\u2013\u2014-]*"
_TODO_NAME = r"(?:to-? ?dos?|tasks?|action items?)(?: list)?"
# The rest of the sentence is what to keep.
_OPEN = [
    (
        Do.REMEMBER,
        r"(?:please )?(?:save (?:this|that|it) (?:as )?(?:a |to )?(?:my )?(?:memory|memories|note)"
        r"|(?:save|add|make|take|create) an? (?:memory|note)|remember (?:this|that)"
        r"|remember(?=[:,])|note (?:down )?(?:this|that)|note(?=[:,]))"
        rf"(?!\w){_BETWEEN}(?:that(?!\w) ?)?(?P<text>.*)",
    ),
    (
        Do.TODO,
        r"(?:please )?(?:(?:add|create|make|save|new) (?:me )?(?:a |an |the )?(?:new )?)?"
        rf"{_TODO_NAME}(?!\w){_BETWEEN}(?:(?:to|that)(?!\w) ?)?(?P<text>.+)",
    ),
    (Do.TODO, rf"(?:please )?(?:add|put) (?P<text>.+) (?:to|on) (?:my|the) {_TODO_NAME}"),
]
_OPEN_PATTERNS = [(do, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for do, pattern in _OPEN]
# "To-do lists, what are they?" is no command.
_BARE_TODO = re.compile(rf"{_TODO_NAME}\s*[:,]", re.IGNORECASE)


def read(text: str) -> Command | None:
    """The command that a question is, if it is one."""
    return _closed(text) or _open(text)


def is_whole(text: str) -> bool:
    """Whether a command is complete with these words, though no sentence ends with them."""
    command = _closed(text)
    if command is None:
        return False
    is_open = command.do == Do.SELECT and command.slot is None
    return not is_open or text.rstrip().endswith((".", "!"))


def _closed(text: str) -> Command | None:
    if len(text) > MOST_TEXT_CHARS:
        return None
    plain = " ".join(re.sub(r"[^\w' -]", " ", text).split())
    for do, pattern in _CLOSED_PATTERNS:
        match = pattern.fullmatch(plain)
        if match:
            return _command(do, {k: v.lower() for k, v in match.groupdict().items() if v})
    return None


def _command(do: Do, said: dict[str, str]) -> Command:
    return Command(
        do,
        space=_SPACE_NAMES.get(said.get("space", ""), Space.DEFAULT),
        slot=_SLOTS.get(said.get("slot", "")),
    )


def _open(text: str) -> Command | None:
    said = text.strip()
    if said.endswith("?") or len(said) > MOST_TEXT_CHARS:
        return None
    for do, pattern in _OPEN_PATTERNS:
        match = pattern.fullmatch(said)
        if match:
            starts_bare = re.match(_TODO_NAME, said, re.IGNORECASE)
            if do == Do.TODO and starts_bare and not _BARE_TODO.match(said):
                continue
            return Command(do, text=match["text"].strip())
    return None
