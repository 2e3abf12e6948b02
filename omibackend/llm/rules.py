"""Answers without a model: the memories and lines that share the question's words, quoted."""

from omibackend.llm.context import Answer, Context, Line, Recalled
from omibackend.llm.terms import Term, hits, terms

NO_MODEL = "No language model is configured."
MOST_QUOTES = 3
MOST_QUOTE_CHARS = 200


def answer(question: str, context: Context, *, took_ms: float = 0.0) -> Answer:
    wanted = terms(question)
    memories = _memories(wanted, context.memories)
    lines = _lines(wanted, question, context.transcript)
    said = [NO_MODEL]
    if memories:
        said.append(f"From your memories: {' '.join(map(_memory_quote, memories))}")
    if lines:
        said.append(f"From this conversation: {' '.join(map(_line_quote, lines))}")
    if not memories and not lines:
        said.append("Nothing in your memories or in this conversation matches the question.")
    sources = tuple(memory.id for memory in memories)
    return Answer(" ".join(said), "rules", model="", sources=sources, took_ms=took_ms)


def _memories(wanted: tuple[Term, ...], memories: tuple[Recalled, ...]) -> list[Recalled]:
    found = [(hits(wanted, f"{memory.title} {memory.text}"), memory) for memory in memories]
    ranked = sorted(found, key=lambda pair: (pair[0], pair[1].occurred_at), reverse=True)
    return [memory for count, memory in ranked if count][:MOST_QUOTES]


def _lines(wanted: tuple[Term, ...], question: str, transcript: tuple[Line, ...]) -> list[Line]:
    """The latest that match, in the order they were said; not the question itself."""
    asked = question.strip().lower()
    others = [line for line in transcript if asked not in line.text.lower()]
    return [line for line in others if hits(wanted, line.text)][-MOST_QUOTES:]


def _memory_quote(memory: Recalled) -> str:
    title = f", {memory.title.strip()}" if memory.title.strip() else ""
    quote = f": {_quoted(memory.text)}" if memory.text.strip() else "."
    return f"{memory.occurred_at:%-d %b %Y}{title}{quote}"


def _line_quote(line: Line) -> str:
    when = f"{line.said_at:%-d %b %Y, %H:%M} " if line.said_at else ""
    return f"{when}{line.speaker}: {_quoted(line.text)}"


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    if len(flat) > MOST_QUOTE_CHARS:
        flat = flat[:MOST_QUOTE_CHARS].rsplit(" ", 1)[0] + " …"
    return f"“{flat}”"
