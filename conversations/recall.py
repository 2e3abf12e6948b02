"""What a question is answered from, and the model that answers: the way into the apps below."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from conversations.models import Conversation, Message, Question, TranscriptSegment
from conversations.wake import YOU
from memories.search import matching
from omibackend.accounts.services import preferences_of
from omibackend.llm.client import answer
from omibackend.llm.context import Answer, Context, Line, Recalled
from omibackend.llm.context import Message as Turn

LINES = 40
LINES_WITHIN = timedelta(minutes=30)
MEMORIES = 8
TURNS = 6
TURNS_WITHIN = timedelta(minutes=30)
QUOTE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and what it rests on: entries with `type`, `id` and `quote`."""

    answer: Answer
    sources: list[dict[str, str]]


def ask(question: Question, *, timeout_s: float) -> Reply:
    """Asks the model, outside any transaction. Raises ModelError or ModelRefused."""
    until = time.monotonic() + timeout_s
    lines = _lines(question)
    memories = _memories(question)
    context = Context(
        transcript=tuple(line for _, line in lines), memories=memories, messages=_turns(question)
    )
    found = answer(question.text, context, timeout_s=until - time.monotonic())
    quotes = {memory.id: memory.title or memory.text[:QUOTE_CHARS] for memory in memories}
    sources = [_source("memory", pk, quotes.get(pk, "")) for pk in found.sources]
    sources += [
        _source("segment", key, line.text)
        for key, line in lines
        if " ".join(line.text.split())[:QUOTE_CHARS] in found.text
    ]
    return Reply(found, sources)


def _source(kind: str, pk: str, quote: str) -> dict[str, str]:
    return {"type": kind, "id": pk, "quote": quote[:QUOTE_CHARS]}


def _memories(question: Question) -> tuple[Recalled, ...]:
    if not preferences_of(question.owner_id).inject_memories:
        return ()
    found = matching(question.owner_id, question.text, MEMORIES)
    return tuple(Recalled(str(m.pk), m.title, m.text, m.occurred_at) for m in found)


def _lines(question: Question) -> list[tuple[str, Line]]:
    """What was said lately, and what came with the question: the latter is not stored yet."""
    stored = (
        TranscriptSegment.objects.filter(
            session__owner_id=question.owner_id,
            session__uid=question.uid,
            session__last_received_at__gte=question.asked_at - LINES_WITHIN,
            received_at__range=(question.asked_at - LINES_WITHIN, question.asked_at),
            is_echo=False,
        )
        .exclude(key__in=question.segment_keys)
        .order_by("-received_at", "-start_s", "-id")[:LINES]
    )
    lines = {row.key: _line(row) for row in reversed(stored)}
    for segment in question.just_heard:
        if segment.key not in question.segment_keys:
            lines[segment.key] = _line(segment)
    return list(lines.items())


def _line(said: Any) -> Line:
    return Line(speaker_label(said), said.text)


def speaker_label(said: Any) -> str:
    """“You”, a name, or the number that speech recognition gave the voice; “Omi” where our own
    words were heard again."""
    if getattr(said, "is_echo", False):
        return "Omi"
    if said.is_user or said.speaker.lower() == "user":
        return YOU.capitalize()
    if said.speaker_name:
        return str(said.speaker_name)
    if said.speaker_id is not None:
        return f"Speaker {said.speaker_id}"
    return str(said.speaker) or "Speaker"


def _turns(question: Question) -> tuple[Turn, ...]:
    recent = Message.objects.filter(
        conversation__owner_id=question.owner_id,
        conversation__kind=Conversation.Kind.OMI,
        conversation__key=question.uid,
        occurred_at__range=(question.asked_at - TURNS_WITHIN, question.asked_at),
    ).order_by("-occurred_at", "-id")[:TURNS]
    turns: Iterable[Message] = reversed(recent)
    return tuple(
        Turn("user" if turn.role == Message.Role.USER else "assistant", turn.text) for turn in turns
    )
