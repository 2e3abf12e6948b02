"""How questions are picked out of what is said: a state, the next words, the state after them.

Pure: the same words give the same questions however they are cut into deliveries, and words heard
twice (by the request, and again by the job behind it) give nothing new.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from conversations.segments import Batch, Segment
from conversations.transcripts.speakers import is_person, voice_of
from conversations.voice import intents
from conversations.voice.wake_word import Call, after_call, calls, ends_question
from omibackend.accounts.models import ListenMode, Preferences

# On either clock: a pause of this length ends a question.
WINDOW_S = 5.0
# "Hey" … "Omi", in two segments
PHRASE_S = 2.0
OVERLAP_S = 1.0
TAIL_CHARS = 200
SHORTEST_UTTERANCE_WORDS = 3


@dataclass(frozen=True, slots=True)
class QuestionDraft:
    """A question as far as it was heard."""

    trigger_key: str
    voice: str
    text: str
    quote: str
    keys: tuple[str, ...]
    start_s: float | None
    end_s: float | None
    asked_at: datetime
    closes_at: datetime
    delivery_id: UUID
    least_words: int = 1
    closed: bool = False

    def heard(self, words: str, quote: str, segment: Segment, batch: Batch) -> "QuestionDraft":
        return replace(
            self,
            text=f"{self.text} {words}".strip(),
            quote=f"{self.quote} {quote}".strip(),
            keys=(*self.keys, segment.key),
            end_s=segment.end_s if segment.end_s is not None else segment.start_s,
            closes_at=max(self.closes_at, _closing(batch)),
            delivery_id=batch.delivery_id,
        )

    def is_complete(self) -> bool:
        enough = len(self.text.split()) >= max(1, self.least_words)
        return enough and (ends_question(self.text) or intents.is_whole(self.text))


@dataclass(frozen=True, slots=True)
class LastUtterance:
    """The last that the person said: a call may go on after it."""

    text: str = ""
    voice: str = ""
    end_s: float | None = None
    heard_at: datetime | None = None

    def leads_to(self, segment: Segment, batch: Batch) -> bool:
        if not self.text or self.voice != voice_of(segment) or self.heard_at is None:
            return False
        if self.end_s is None or segment.start_s is None:
            return abs((batch.received_at - self.heard_at).total_seconds()) <= WINDOW_S
        return -OVERLAP_S <= segment.start_s - self.end_s <= PHRASE_S


@dataclass(frozen=True, slots=True)
class ListenerState:
    """What is remembered of one wearable between its deliveries."""

    tail: LastUtterance = LastUtterance()
    open: QuestionDraft | None = None
    spoken_at: datetime | None = None


@dataclass(slots=True)
class _Hearing:
    """One delivery being heard."""

    ear: ListenerState
    batch: Batch
    preferences: Preferences
    known: Collection[str]
    used: set[str]
    touched: dict[str, QuestionDraft] = field(default_factory=dict)

    def keep(self, asked: QuestionDraft) -> None:
        self.touched[asked.trigger_key] = asked
        self.used.update(asked.keys)
        self.ear = replace(self.ear, open=None if asked.closed else asked)

    def close(self) -> None:
        if self.ear.open is not None:
            self.keep(replace(self.ear.open, closed=True, delivery_id=self.batch.delivery_id))


def advance(
    ear: ListenerState,
    batch: Batch,
    preferences: Preferences,
    *,
    known: Collection[str] = (),
    used: Iterable[str] = (),
) -> tuple[ListenerState, list[QuestionDraft]]:
    """Hears one delivery. Returns the questions that it opened, extended or closed.

    `known` are the triggers of questions asked before, `used` the segments that are part of one.
    """
    hearing = _Hearing(ear, batch, preferences, known, set(used))
    if ear.open is not None and batch.received_at > ear.open.closes_at:
        hearing.close()
    for segment in batch.segments:
        if segment.key not in hearing.used:
            _hear(hearing, segment)
        _remember(hearing, segment)
    return hearing.ear, list(hearing.touched.values())


def _hear(hearing: _Hearing, segment: Segment) -> None:
    asked = hearing.ear.open
    if asked is not None and _is_before(segment, asked):
        _hear_late(hearing, segment, asked)
        return
    if asked is not None and not _continues(segment, asked):
        hearing.close()
    if not is_person(segment):
        return
    found = _new_calls(hearing, segment)
    asked = hearing.ear.open
    if asked is not None:
        rest = segment.text[: max(0, found[0].at)] if found else segment.text
        _extend(hearing, segment, rest)
    elif not found:
        _open_without_call(hearing, segment)
    for number, call in enumerate(found):
        hearing.close()
        end = found[number + 1].at if number + 1 < len(found) else len(segment.text)
        lead = hearing.ear.tail.text[call.at :].strip() if call.at < 0 else ""
        _open(
            hearing,
            segment,
            trigger_key=f"{segment.key}:{call.end}",
            words=after_call(segment.text[call.end : end]),
            quote=f"{lead} {segment.text[max(0, call.at) : end].strip()}".strip(),
        )


def _hear_late(hearing: _Hearing, segment: Segment, asked: QuestionDraft) -> None:
    """Words from before the open question, missed until now, are no part of it."""
    hearing.ear = replace(hearing.ear, open=None)
    _hear(hearing, segment)
    hearing.close()
    hearing.ear = replace(hearing.ear, open=asked)


def _is_before(segment: Segment, asked: QuestionDraft) -> bool:
    return (
        segment.start_s is not None
        and asked.start_s is not None
        and segment.start_s < asked.start_s
    )


def _continues(segment: Segment, asked: QuestionDraft) -> bool:
    if voice_of(segment) != asked.voice:
        return False
    if segment.start_s is None or asked.end_s is None:
        return True
    return segment.start_s - asked.end_s <= WINDOW_S


def _new_calls(hearing: _Hearing, segment: Segment) -> list[Call]:
    tail = hearing.ear.tail
    before = tail.text if tail.leads_to(segment, hearing.batch) else ""
    pattern = hearing.preferences.activation_regex
    found = calls(segment.text, before=before, pattern=pattern)
    return [call for call in found if f"{segment.key}:{call.end}" not in hearing.known]


def _extend(hearing: _Hearing, segment: Segment, words: str) -> None:
    asked = hearing.ear.open
    if asked is None or not words.strip():
        return
    said = words.strip() if asked.text else after_call(words)
    asked = asked.heard(said, words.strip(), segment, hearing.batch)
    hearing.keep(replace(asked, closed=asked.is_complete()))


def _open(
    hearing: _Hearing,
    segment: Segment,
    *,
    trigger_key: str,
    words: str,
    quote: str,
    least_words: int = 1,
) -> None:
    batch = hearing.batch
    start_s = segment.start_s
    asked = QuestionDraft(
        trigger_key,
        voice_of(segment),
        words,
        quote,
        (segment.key,),
        start_s,
        segment.end_s if segment.end_s is not None else start_s,
        batch.received_at,
        _closing(batch),
        batch.delivery_id,
        least_words,
    )
    hearing.keep(replace(asked, closed=asked.is_complete()))


def _open_without_call(hearing: _Hearing, segment: Segment) -> None:
    """In the other modes what the person says is a question without being called one."""
    mode = hearing.preferences.listen_mode
    least_words = SHORTEST_UTTERANCE_WORDS if mode == ListenMode.ALWAYS else 1
    if mode == ListenMode.TRIGGER or (mode == ListenMode.FOLLOWUP and not _follows(hearing)):
        return
    trigger_key = f"{segment.key}:{mode[0]}"
    if trigger_key not in hearing.known and segment.text.strip():
        text = segment.text.strip()
        _open(
            hearing,
            segment,
            trigger_key=trigger_key,
            words=text,
            quote=text,
            least_words=least_words,
        )


def _follows(hearing: _Hearing) -> bool:
    """Whether this was said shortly after an answer."""
    spoken_at = hearing.ear.spoken_at
    if spoken_at is None:
        return False
    window = timedelta(milliseconds=hearing.preferences.followup_window_ms)
    return spoken_at < hearing.batch.received_at <= spoken_at + window


def _remember(hearing: _Hearing, segment: Segment) -> None:
    tail, batch = hearing.ear.tail, hearing.batch
    if tail.heard_at is not None and batch.received_at < tail.heard_at:
        return
    if is_person(segment):
        end_s = segment.end_s if segment.end_s is not None else segment.start_s
        text = segment.text[-TAIL_CHARS:]
        tail = LastUtterance(text, voice_of(segment), end_s, batch.received_at)
    else:
        tail = LastUtterance(heard_at=batch.received_at)
    hearing.ear = replace(hearing.ear, tail=tail)


def _closing(batch: Batch) -> datetime:
    return batch.received_at + timedelta(seconds=WINDOW_S)
