"""What a question is answered from, and the model that answers: the way into the apps below."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from conversations.assistant import contexts
from conversations.models import Message, Question, TranscriptSegment
from conversations.transcripts.speakers import speaker_label
from memories.search.finding import matching
from omibackend.accounts.preferences import preferences_of
from omibackend.llm.client import answer
from omibackend.llm.context import Answer, Context, Line, Recalled, Turn

LINES = 40
LINES_WITHIN = timedelta(minutes=30)
MEMORIES = 8
TURNS = 6
TURNS_WITHIN = timedelta(minutes=30)
QUOTE_CHARS = 200


class TranscriptLine(NamedTuple):
    """A line of a transcript, and the segment's key."""

    key: str
    line: Line
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, and what it rests on: entries with `type`, `id`, `quote` and `occurred_at`."""

    answer: Answer
    sources: list[dict[str, str]]


def ask(question: Question, *, timeout_s: float) -> Reply:
    """Asks the model, outside any transaction. Raises ModelError or ModelRefused."""
    until = time.monotonic() + timeout_s
    state = contexts.state_of(question.owner_id, question.uid)
    context = Context(
        memories=memories_for(question.owner_id, question.text),
        messages=_turns(question, contexts.turns_since(state, question.asked_at - TURNS_WITHIN)),
        notes=contexts.notes(state),
    )
    return answered(question.text, _heard(question), context, timeout_s=until - time.monotonic())


def answered(
    text: str, heard: Sequence[TranscriptLine], context: Context, *, timeout_s: float
) -> Reply:
    """The model's answer; as sources only what it names or quotes of what it was given."""
    given = replace(context, transcript=tuple(said.line for said in heard))
    found = answer(text, given, timeout_s=timeout_s)
    by_id = {memory.id: memory for memory in given.memories}
    used = [by_id[pk] for pk in found.sources if pk in by_id]
    sources = [_source("memory", m.id, m.title or m.text, m.occurred_at) for m in used]
    sources += [
        _source("segment", said.key, said.line.text, said.at)
        for said in heard
        if " ".join(said.line.text.split())[:QUOTE_CHARS] in found.text
    ]
    return Reply(found, sources)


def _source(kind: str, pk: str, quote: str, at: datetime) -> dict[str, str]:
    return {"type": kind, "id": pk, "quote": quote[:QUOTE_CHARS], "occurred_at": at.isoformat()}


def memories_for(owner_id: int, text: str) -> tuple[Recalled, ...]:
    if not preferences_of(owner_id).inject_memories:
        return ()
    found = matching(owner_id, text, MEMORIES)
    return tuple(Recalled(str(m.pk), m.title, m.text, m.occurred_at) for m in found)


def _heard(question: Question) -> list[TranscriptLine]:
    """What was said lately, and what came with the question: the latter is not stored yet."""
    theirs = TranscriptSegment.objects.filter(is_echo=False)
    stored = theirs.before(question, LINES_WITHIN, LINES)
    just_heard = (s for s in question.just_heard if s.key not in question.segment_keys)
    heard = [line_of(row, row.received_at) for row in stored]
    heard += [line_of(segment, question.asked_at) for segment in just_heard]
    return list({said.key: said for said in heard}.values())


def line_of(said: Any, at: datetime) -> TranscriptLine:
    return TranscriptLine(said.key, Line(speaker_label(said), said.text), at)


def _turns(question: Question, since: datetime) -> tuple[Turn, ...]:
    recent = Message.objects.filter(
        question__owner_id=question.owner_id,
        question__uid=question.uid,
        occurred_at__range=(since, question.asked_at),
    )
    return as_turns(recent.order_by("-occurred_at", "-id")[:TURNS])


def as_turns(newest_first: Iterable[Message]) -> tuple[Turn, ...]:
    """In the order in which they were said."""
    return tuple(
        Turn("user" if turn.role == Message.Role.USER else "assistant", turn.text)
        for turn in reversed(list(newest_first))
    )
