"""A session as it is read: what was said in order, the silences, the questions and answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from conversations.models import OmiSession, Question, TranscriptSegment
from conversations.transcripts.speakers import speaker_label
from conversations.voice.wake_word import calls
from memories.models import ActionItem, Memory
from omibackend.accounts.preferences import preferences_of

SILENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class SpokenRow:
    """A segment. `call` is where in its text the wake phrase stands."""

    key: str
    speaker: str
    is_person: bool
    text: str
    start_s: float | None
    end_s: float | None
    said_at: datetime | None
    call: tuple[int, int] | None = None
    is_echo: bool = False
    kind: str = "said"

    @property
    def before_call(self) -> str:
        return self.text[: self.call[0]] if self.call else self.text

    @property
    def called(self) -> str:
        return self.text[slice(*self.call)] if self.call else ""

    @property
    def after_call(self) -> str:
        return self.text[self.call[1] :] if self.call else ""


@dataclass(frozen=True, slots=True)
class Silence:
    length_s: float
    kind: str = "silence"


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    """What became of a question that closed in the segment above."""

    question: Question
    memories_used: int
    kind: str = "answer"


Row = SpokenRow | Silence | AnsweredQuestion


@dataclass(frozen=True, slots=True)
class Facts:
    person: Any
    began_at: datetime
    length_s: float | None
    listen_mode: str
    speakers: list[str]
    deliveries: int
    memories: list[Memory]
    action_items: list[ActionItem]


@dataclass(slots=True)
class _Page:
    segments: Sequence[TranscriptSegment]
    calls: dict[int, tuple[int, int]] = field(default_factory=dict)
    answers: dict[int, list[Question]] = field(default_factory=dict)


def transcript_of(session: OmiSession) -> list[Row]:
    page = _Page(list(session.segments.in_order()))
    for question in session.questions.order_by("asked_at", "id"):
        _place(page, question)
    rows: list[Row] = []
    last_end_s: float | None = None
    for number, segment in enumerate(page.segments):
        silence_s = (segment.start_s or 0) - (last_end_s or 0)
        if None not in (segment.start_s, last_end_s) and silence_s >= SILENCE_S:
            rows.append(Silence(silence_s))
        rows.append(said(segment, session, page.calls.get(number)))
        rows += map(_answered, page.answers.get(number, ()))
        if segment.end_s is not None:
            last_end_s = max(segment.end_s, last_end_s or 0.0)
    return [*rows, *map(_answered, page.answers.get(-1, ()))]


def _place(page: _Page, question: Question) -> None:
    """By the segments it was heard in; once the final ones took their place, by the time."""
    by_key = {segment.key: number for number, segment in enumerate(page.segments)}
    keys = [key for key in question.segment_keys if key in by_key]
    asked_in = by_key[keys[0]] if keys else _at(page.segments, question.start_s)
    closed_in = by_key[keys[-1]] if keys else _at(page.segments, question.end_s)
    page.answers.setdefault(closed_in, []).append(question)
    if asked_in >= 0:
        span = _call_span(page.segments, asked_in, question)
        if span is not None:
            page.calls[asked_in] = span


def _at(segments: Iterable[TranscriptSegment], moment_s: float | None) -> int:
    """The last segment that had begun by then; -1: none tells."""
    if moment_s is None:
        return -1
    starts = ((number, segment.start_s) for number, segment in enumerate(segments))
    return max((n for n, at in starts if at is not None and at <= moment_s), default=-1)


def _call_span(
    segments: Sequence[TranscriptSegment], number: int, question: Question
) -> tuple[int, int] | None:
    text = segments[number].text
    before = segments[number - 1].text if number else ""
    found = calls(text, before=before)
    if not found:
        return None
    _, _, offset = question.trigger_key.rpartition(":")
    exact = [call for call in found if str(call.end) == offset]
    call = (exact or found)[0]
    return max(0, call.at), call.end


def said(
    segment: TranscriptSegment, session: OmiSession, call: tuple[int, int] | None = None
) -> SpokenRow:
    said_at = None
    if segment.start_s is not None:
        said_at = session.started_at + timedelta(seconds=segment.start_s)
    return SpokenRow(
        key=segment.key,
        speaker=speaker_label(segment),
        is_person=bool(segment.is_user) and not segment.is_echo,
        text=segment.text,
        start_s=segment.start_s,
        end_s=segment.end_s,
        said_at=said_at,
        call=call,
        is_echo=segment.is_echo,
    )


def _answered(question: Question) -> AnsweredQuestion:
    return AnsweredQuestion(
        question, sum(source["type"] == "memory" for source in question.sources)
    )


def facts_of(session: OmiSession) -> Facts:
    segments = session.segments.in_order()
    memories = list(memories_of(session))
    return Facts(
        person=session.owner,
        began_at=session.started_at,
        length_s=session.length_s,
        listen_mode=preferences_of(session.owner_id).get_listen_mode_display(),
        speakers=list(dict.fromkeys(map(speaker_label, segments))),
        deliveries=segments.order_by().values("delivery_id").distinct().count(),
        memories=memories,
        action_items=list(ActionItem.objects.filter(memory__in=memories).order_by("id")),
    )


def memories_of(session: OmiSession) -> QuerySet[Memory]:
    made_of = session.omi_conversation_id
    if made_of is None:
        return Memory.objects.none()
    return Memory.objects.filter(owner_id=session.owner_id, source_id=made_of).order_by("id")
