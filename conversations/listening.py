"""Where questions are heard: in the request, and again in the job behind it.

The request's part costs one SELECT and one regular expression unless something may have been
asked. Both parts take the wearable's `Listening` row lock; a question's trigger is unique, so that
it is asked once however often its words arrive.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Q
from django.db.models.functions import Now

from conversations.hearing import SHORTEST_UTTERANCE_WORDS, WINDOW_S, Asked, Ear, Tail, advance
from conversations.identity import Batch, Segment
from conversations.models import Channel, Listening, Question, TranscriptSegment
from conversations.wake import ends_in_greeting, is_called, voice_of
from conversations.words import words_of
from omibackend.accounts.models import ListenMode, Preferences
from omibackend.accounts.services import preferences_of
from omibackend.core.leased import State

INGEST = "ingest"
# Older deliveries are replays: nobody waits for an answer.
TOO_OLD = timedelta(minutes=10)
REMEMBERED = timedelta(minutes=15)
COOLDOWN = timedelta(seconds=10)
ASKED_AGAIN_WITHIN = timedelta(seconds=60)
ASKED_AGAIN_SHARE = 0.9
# The request is to claim a question first; the job that overtakes it leaves it this long.
HEAD_START = timedelta(seconds=2)
LEASE_MARGIN = timedelta(seconds=5)
NOTHING_ASKED, ASKED_AGAIN = "nothing asked", "asked again"
MUTED, QUIET, COOLING = REASONS_TO_KEEP = ("muted", "quiet hours", "cooldown")


class Mood(NamedTuple):
    """What of a wearable decides whether words can matter that hold no call."""

    is_asking: bool
    spoken_at: datetime | None
    listen_mode: str | None
    followup_window_ms: int | None
    activation_regex: str | None
    meeting: bool | None
    now: datetime

    def may_hear(self, text: str) -> bool:
        if self.meeting:
            return False
        if self.is_asking or self.activation_regex or self.listen_mode == ListenMode.ALWAYS:
            return True
        if self.listen_mode == ListenMode.FOLLOWUP and self.spoken_at:
            window = timedelta(milliseconds=self.followup_window_ms or 0)
            return self.now <= self.spoken_at + 2 * window
        return is_called(text) or ends_in_greeting(text)


_MOODS = """
SELECT w.place, l.open_question_id IS NOT NULL, l.spoken_at, p.listen_mode,
    p.followup_window_ms, p.activation_regex, p.meeting_transcribe, now()
FROM json_to_recordset(%s::json) AS w(place int, owner_id int, uid text)
LEFT JOIN conversations_listening l ON l.owner_id = w.owner_id AND l.uid = w.uid
LEFT JOIN accounts_preferences p ON p.user_id = w.owner_id
"""


def _moods(places: Sequence[tuple[int, str]], *, using: str) -> dict[tuple[int, str], Mood]:
    asked = [
        {"place": number, "owner_id": owner_id, "uid": uid}
        for number, (owner_id, uid) in enumerate(places)
    ]
    with connections[using].cursor() as cursor:
        cursor.execute(_MOODS, [orjson.dumps(asked).decode()])
        return {places[row[0]]: Mood(*row[1:]) for row in cursor}


# True while a question is open or an answer was given just now. It is asked in the statement
# that stores the delivery: a round trip of its own would cost a third of the acknowledgement.
ATTENTION = """
EXISTS (
    SELECT FROM conversations_listening WHERE owner_id = {owner} AND uid = {subject} AND (
        open_question_id IS NOT NULL
        OR spoken_at > statement_timestamp() - interval '2 minutes'
    )
)
"""


def could_matter(
    owner_id: int,
    uid: str,
    segments: Iterable[Any],
    preferences: Preferences,
    *,
    attentive: bool,
) -> bool:
    """Whether a delivery, not yet validated, may hold a question or a part of one."""
    text = " ".join(
        text
        for segment in segments
        if isinstance(segment, dict) and isinstance(text := segment.get("text"), str)
    )
    if not text or preferences.meeting_transcribe:
        return False
    if preferences.activation_regex or preferences.listen_mode == ListenMode.ALWAYS:
        return True
    if is_called(text) or ends_in_greeting(text):
        return True
    place = (owner_id, uid)
    return attentive and _moods([place], using=INGEST)[place].may_hear(text)


def hear_now(batch: Batch, preferences: Preferences) -> Question | None:
    """Hears a delivery inside its request. Returns the question that it completed, if that is to
    be answered aloud: already claimed, for as long as the reply may take."""
    with transaction.atomic(using=INGEST):
        _hear(batch, preferences, using=INGEST)
        # Also one that the job behind this request was quicker to find.
        waiting = Question.objects.using(INGEST).filter(
            owner_id=batch.owner_id,
            uid=batch.uid,
            delivery_id=batch.delivery_id,
            closed=True,
            state=State.PENDING,
            attempts=0,
            why="",
            channel=Channel.NONE,
        )
        question = waiting.order_by("id").first()
        if question is None:
            return None
        question.lease_token = uuid4()
        budget = timedelta(milliseconds=settings.OMI_REPLY_BUDGET_MS) + LEASE_MARGIN
        claimed = waiting.filter(pk=question.pk).update(
            state=State.LEASED, lease_token=question.lease_token, next_attempt_at=Now() + budget
        )
    question.just_heard = batch.segments
    return question if claimed else None


def hear_later(batches: Sequence[Batch]) -> None:
    """Hears deliveries in the job behind them: what a dying request missed, and nothing twice.

    Runs in the transaction that stored their segments, and links questions to their session.
    """
    heard = [(batch, " ".join(s.text for s in batch.segments)) for batch in batches]
    places = sorted({(batch.owner_id, batch.uid) for batch, text in heard if text})
    if not places:
        return
    moods = _moods(places, using=DEFAULT_DB_ALIAS)
    mattering = [
        batch for batch, text in heard if text and moods[batch.owner_id, batch.uid].may_hear(text)
    ]
    preferences: dict[int, Preferences] = {}
    for batch in sorted(mattering, key=lambda b: (b.owner_id, b.uid, b.received_at)):
        if batch.owner_id not in preferences:
            preferences[batch.owner_id] = preferences_of(batch.owner_id)
        _hear(batch, preferences[batch.owner_id], using=DEFAULT_DB_ALIAS, stored=True)


def _hear(batch: Batch, preferences: Preferences, *, using: str, stored: bool = False) -> None:
    listening = _locked(batch.owner_id, batch.uid, using=using)
    now: datetime = listening.now  # type: ignore[attr-defined]
    if preferences.meeting_transcribe or now - batch.received_at > TOO_OLD:
        return
    recent = {
        question.trigger_key: question
        for question in Question.objects.using(using).filter(
            owner_id=batch.owner_id,
            uid=batch.uid,
            asked_at__gt=batch.received_at - REMEMBERED,
        )
    }
    session_id = _session_of(batch) if stored else None
    before = _ear(listening, recent.values())
    if session_id is not None:
        tail = _tail_before(batch, session_id)
        before = Ear(tail, before.open, before.spoken_at) if tail else before
    ear, touched = advance(
        before,
        batch,
        preferences,
        known=recent.keys(),
        used={key for question in recent.values() for key in question.segment_keys},
    )
    for asked in touched:
        question = _saved(asked, recent.get(asked.trigger_key), batch, using=using)
        if question is not None:
            recent[asked.trigger_key] = question
            _settle(question, listening, preferences, now, head_start=stored)
    if session_id is not None:
        _link(recent.values(), batch, session_id)
    _keep(listening, ear)


def _locked(owner_id: int, uid: str, *, using: str) -> Listening:
    rows = Listening.objects.using(using)
    found = rows.select_for_update().annotate(now=Now()).filter(owner_id=owner_id, uid=uid)
    listening = found.first()
    if listening is None:
        rows.bulk_create([Listening(owner_id=owner_id, uid=uid)], ignore_conflicts=True)
        listening = found.get()
    return listening


def _ear(listening: Listening, recent: Iterable[Question]) -> Ear:
    running = (q for q in recent if q.pk == listening.open_question_id and not q.closed)
    return Ear(
        Tail(
            listening.tail_text,
            listening.tail_voice,
            listening.tail_end_s,
            listening.tail_heard_at,
        ),
        next(map(_asked, running), None),
        listening.spoken_at,
    )


def _asked(question: Question) -> Asked:
    return Asked(
        question.trigger_key,
        question.voice,
        question.text,
        question.quote,
        tuple(question.segment_keys),
        question.start_s,
        question.end_s,
        question.asked_at,
        question.closes_at,
        question.delivery_id,
        _least_words(question),
        question.closed,
    )


def _least_words(question: Question) -> int:
    said_in_passing = question.trigger_key.endswith(f":{ListenMode.ALWAYS[0]}")
    return SHORTEST_UTTERANCE_WORDS if said_in_passing else 1


def _saved(asked: Asked, known: Question | None, batch: Batch, *, using: str) -> Question | None:
    """The row of a question as it was heard by now; None if it was asked before."""
    values = {
        "text": asked.text,
        "segment_keys": list(asked.keys),
        "quote": asked.quote,
        "end_s": asked.end_s,
        "closes_at": asked.closes_at,
        "closed": asked.closed,
        "delivery_id": asked.delivery_id,
        # An open question is due when it closes. Whoever held it holds an old version.
        "state": State.PENDING,
        "next_attempt_at": asked.closes_at,
        "lease_token": None,
    }
    rows = Question.objects.using(using)
    if known is not None:
        for name, value in values.items():
            setattr(known, name, value)
        known.save(using=using, update_fields=values)
        return known
    question, created = rows.get_or_create(
        owner_id=batch.owner_id,
        uid=batch.uid,
        trigger_key=asked.trigger_key,
        defaults={
            **values,
            "voice": asked.voice,
            "start_s": asked.start_s,
            "asked_at": asked.asked_at,
        },
    )
    return question if created else None


def close_due(question_id: Any) -> Question | None:
    """Closes a question whose time is up, though nothing more was said. None: it goes on."""
    with transaction.atomic():
        found = Question.objects.only("owner_id", "uid").get(pk=question_id)
        listening = _locked(found.owner_id, found.uid, using=DEFAULT_DB_ALIAS)
        question = Question.objects.get(pk=question_id)
        if question.closed:
            return question
        now: datetime = listening.now  # type: ignore[attr-defined]
        if question.closes_at > now:
            return None
        question.closed = True
        question.save(update_fields=["closed"])
        Listening.objects.filter(pk=listening.pk, open_question=question).update(open_question=None)
        _settle(question, listening, preferences_of(found.owner_id), now)
        return question


def _settle(
    question: Question,
    listening: Listening,
    preferences: Preferences,
    now: datetime,
    *,
    head_start: bool = False,
) -> None:
    """Decides what becomes of a question that is complete: it is answered, and aloud unless
    there is a reason not to; or it was none, or the same as just before."""
    if not question.closed:
        return
    using = question._state.db or DEFAULT_DB_ALIAS
    words = words_of(question.text)
    if len(words) < _least_words(question):
        if _least_words(question) > 1:
            question.delete(using=using)
        else:
            _drop(question, NOTHING_ASKED)
        return
    if _is_asked_again(words, question, listening):
        _drop(question, ASKED_AGAIN)
        return
    question.why = _reason_to_keep(question, listening, preferences)
    listening.last_question = " ".join(words)
    listening.last_question_at = question.asked_at
    listening.save(using=using, update_fields=["last_question", "last_question_at"])
    if question.state == State.PENDING:  # a leased one keeps the end of its lease
        question.next_attempt_at = now
        if head_start and settings.OMI_REPLY_BUDGET_MS:
            heard_at = question.closes_at - timedelta(seconds=WINDOW_S)
            question.next_attempt_at = max(now, heard_at + HEAD_START)
    question.save(using=using, update_fields=["why", "next_attempt_at"])


def _drop(question: Question, why: str) -> None:
    question.why, question.channel, question.state = why, Channel.KEPT, State.IGNORED
    question.save(update_fields=["why", "channel", "state"])


def _is_asked_again(words: list[str], question: Question, listening: Listening) -> bool:
    if listening.last_question_at is None:
        return False
    if abs(question.asked_at - listening.last_question_at) > ASKED_AGAIN_WITHIN:
        return False
    before = Counter(listening.last_question.split())
    return (Counter(words) & before).total() >= ASKED_AGAIN_SHARE * len(words)


def _reason_to_keep(question: Question, listening: Listening, preferences: Preferences) -> str:
    if preferences.mute:
        return MUTED
    if preferences.is_quiet(question.asked_at):
        return QUIET
    is_followup = question.trigger_key.endswith(f":{ListenMode.FOLLOWUP[0]}")
    last = listening.last_question_at
    if last is not None and not is_followup and abs(question.asked_at - last) < COOLDOWN:
        return COOLING
    return ""


def _session_of(batch: Batch) -> Any:
    keys = [segment.key for segment in batch.segments]
    return (
        TranscriptSegment.objects.filter(
            session__owner_id=batch.owner_id,
            session__uid=batch.uid,
            session__last_received_at__gte=batch.received_at,
            key__in=keys,
        )
        .values_list("session_id", flat=True)
        .first()
    )


def _tail_before(batch: Batch, session_id: Any) -> Tail | None:
    """What was stored right before the delivery: its request may have gone unheard."""
    starts = [segment.start_s for segment in batch.segments if segment.start_s is not None]
    if not starts:
        return None
    row = (
        TranscriptSegment.objects.filter(session_id=session_id, start_s__lt=min(starts))
        .order_by("-start_s", "-id")
        .first()
    )
    if row is None or row.is_user is False:
        return None
    voice = voice_of(Segment(row.key, row.text, row.speaker, is_user=row.is_user))
    return Tail(row.text[-200:], voice, row.end_s, row.received_at)


def _link(questions: Iterable[Question], batch: Batch, session_id: Any) -> None:
    keys = {segment.key for segment in batch.segments}
    unlinked = Q(session=None) & Q(
        pk__in=[question.pk for question in questions if keys & set(question.segment_keys)]
    )
    Question.objects.filter(unlinked).update(session_id=session_id)


def _keep(listening: Listening, ear: Ear) -> None:
    using = listening._state.db or DEFAULT_DB_ALIAS
    open_question = None
    if ear.open is not None:
        open_question = (
            Question.objects.using(using)
            .filter(
                owner_id=listening.owner_id,
                uid=listening.uid,
                trigger_key=ear.open.trigger_key,
                closed=False,
            )
            .values_list("pk", flat=True)
            .first()
        )
    Listening.objects.using(using).filter(pk=listening.pk).update(
        tail_text=ear.tail.text,
        tail_voice=ear.tail.voice,
        tail_end_s=ear.tail.end_s,
        tail_heard_at=ear.tail.heard_at,
        open_question=open_question,
    )
