"""What may stand between braces in a prompt: a closed list, and nothing is ever evaluated."""

from collections.abc import Iterable

from omibackend.llm.prompt import VARIABLE

TRANSCRIPT_END, MEMORY_CREATED, SCHEDULE = "transcript_end", "memory_created", "schedule"
CONVERSATIONS = frozenset({TRANSCRIPT_END, MEMORY_CREATED})
ALWAYS = CONVERSATIONS | {SCHEDULE}

# The name → when there is something to put there, and what it is.
VARIABLES: dict[str, tuple[frozenset[str], str]] = {
    "transcript": (CONVERSATIONS, "what was said in the conversation"),
    "memory.title": (frozenset({MEMORY_CREATED}), "the memory's title"),
    "memory.text": (frozenset({MEMORY_CREATED}), "the memory's text"),
    "memories": (ALWAYS, "the person's latest memories"),
    "action_items": (ALWAYS, "what the person has still to do"),
    "person": (ALWAYS, "the person's name"),
    "date": (ALWAYS, "date and time on the person's clock"),
}
# Without any of these there was nothing to write about.
TELLING = frozenset({"transcript", "memory.title", "memory.text", "memories", "action_items"})
SHORTEST_SHARE_CHARS = 40
CUT = " […] "


def named_in(prompt: str) -> list[str]:
    return list(dict.fromkeys(VARIABLE.findall(prompt)))


def listed(names: Iterable[str] = VARIABLES) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def objections(prompt: str, trigger: str) -> list[str]:
    """What is wrong with a prompt's variables, in words; nothing, if it can run."""
    names = named_in(prompt)
    unknown = [name for name in names if name not in VARIABLES]
    useless = [name for name in names if name in VARIABLES and trigger not in VARIABLES[name][0]]
    found = []
    if unknown:
        found.append(f"There is no {listed(unknown)}. Known are {listed()}.")
    if useless:
        fitting = [name for name, (triggers, _) in VARIABLES.items() if trigger in triggers]
        found.append(f"{listed(useless)} is empty with this trigger. It knows {listed(fitting)}.")
    return found


def bounded(values: dict[str, str], *, most_chars: int) -> dict[str, str]:
    """The values cut to a size in all: what is short stays whole, the rest shares what is left."""
    kept: dict[str, str] = {}
    left = most_chars
    by_length = sorted(values, key=lambda name: len(values[name]))
    for place, name in enumerate(by_length):
        share = max(left // (len(values) - place), SHORTEST_SHARE_CHARS)
        kept[name] = _cut(values[name], share)
        left -= len(kept[name])
    return kept


def _cut(text: str, most_chars: int) -> str:
    """A conversation's beginning and its end: the middle is what it can best do without."""
    if len(text) <= most_chars:
        return text
    head = (most_chars - len(CUT)) // 2
    tail = most_chars - len(CUT) - head
    return f"{text[:head]}{CUT}{text[-tail:]}"
