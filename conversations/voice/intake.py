"""Where questions are heard: in the request, and again in the job behind it.

The request's part costs one SELECT and one regular expression unless something may have been
asked. Both parts take the wearable's `Listening` row lock; a question's trigger is unique, so that
it is asked once however often its words arrive.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from conversations.assistant.turns import record
from conversations.models import Listening, Question, ReplyChannel, TranscriptSegment
from conversations.segments import Batch, Segment
from conversations.transcripts import deletion
from conversations.transcripts.speakers import voice_of
from conversations.voice.detector import LastUtterance, ListenerState, advance
from conversations.voice.playback import Playback, playback_in
from conversations.voice.questions import as_heard, listening_of, saved, settle
from conversations.voice.wake_word import ends_in_greeting, is_called
from omibackend.accounts.models import ListenMode, Preferences
from omibackend.accounts.preferences import preferences_of
from omibackend.core.work.leased import State, claim_row

INGEST = "ingest"
# Older deliveries are replays: nobody waits for an answer.
TOO_OLD = timedelta(minutes=10)
REMEMBERED = timedelta(minutes=15)
LEASE_MARGIN = timedelta(seconds=5)


class ListenGate(NamedTuple):
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


_GATES = """
SELECT w.place, l.open_question_id IS NOT NULL, l.spoken_at, p.listen_mode,
    p.followup_window_ms, p.activation_regex, p.meeting_transcribe, now()
FROM json_to_recordset(%s::json) AS w(place int, owner_id int, uid text)
LEFT JOIN conversations_listening l ON l.owner_id = w.owner_id AND l.uid = w.uid
LEFT JOIN accounts_preferences p ON p.user_id = w.owner_id
"""


def _gates(places: Sequence[tuple[int, str]], *, using: str) -> dict[tuple[int, str], ListenGate]:
    asked = [
        {"place": number, "owner_id": owner_id, "uid": uid}
        for number, (owner_id, uid) in enumerate(places)
    ]
    with connections[using].cursor() as cursor:
        cursor.execute(_GATES, [orjson.dumps(asked).decode()])
        return {places[row[0]]: ListenGate(*row[1:]) for row in cursor}


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
    return attentive and _gates([place], using=INGEST)[place].may_hear(text)


def detect_in_request(batch: Batch, preferences: Preferences) -> Question | None:
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
            channel=ReplyChannel.NONE,
        )
        question = waiting.order_by("id").first()
        if question is None:
            return None
        budget = timedelta(milliseconds=settings.OMI_REPLY_BUDGET_MS) + LEASE_MARGIN
        claimed = claim_row(question, waiting, lease=budget)
    question.just_heard = batch.segments
    return question if claimed else None


def detect_in_job(
    batches: Sequence[Batch], playbacks: Mapping[UUID, Playback] | None = None
) -> bool:
    """Hears deliveries in the job behind them: what a dying request missed, and nothing twice.

    Runs in the transaction that stored their segments, and links questions to their session.
    `playbacks`: what of them is ours, by delivery, where that is known already.
    Returns whether a question may be waiting for its answer now.
    """
    places = sorted({(batch.owner_id, batch.uid) for batch in batches if batch.segments})
    if not places:
        return False
    asked = False
    moods = _gates(places, using=DEFAULT_DB_ALIAS)
    preferences: dict[int, Preferences] = {}
    asking: set[tuple[int, str]] = set()
    # In an order that all jobs share: each takes the locks of several wearables.
    for batch in sorted(batches, key=lambda b: (b.owner_id, b.uid, b.received_at)):
        place = batch.owner_id, batch.uid
        text = " ".join(segment.text for segment in batch.segments)
        if not text or not (place in asking or moods[place].may_hear(text)):
            continue
        if batch.owner_id not in preferences:
            preferences[batch.owner_id] = preferences_of(batch.owner_id)
        ear = _hear(
            batch,
            preferences[batch.owner_id],
            (playbacks or {}).get(batch.delivery_id),
            using=DEFAULT_DB_ALIAS,
            stored=True,
        )
        asked = asked or ear is not None
        if ear is not None and ear.open is not None:
            asking.add(place)
    return asked


def _hear(
    batch: Batch,
    preferences: Preferences,
    ours: Playback | None = None,
    *,
    using: str,
    stored: bool = False,
) -> ListenerState | None:
    listening = listening_of(batch.owner_id, batch.uid, using=using)
    now: datetime = listening.now
    if preferences.meeting_transcribe or now - batch.received_at > TOO_OLD:
        if stored:
            _link(_recent(batch, using=using).values(), batch, _session_of(batch))
        return None
    (batch,) = deletion.left_of([batch], using=using)
    batch = (ours or playback_in(batch, using=using)).rest_of(batch)
    if not batch.segments:
        return None
    recent = _recent(batch, using=using)
    session_id = _session_of(batch) if stored else None
    ear, touched = advance(
        _ear(listening, recent.values(), _tail_before(batch, session_id)),
        batch,
        preferences,
        known=recent.keys(),
        used={key for question in recent.values() for key in question.segment_keys},
    )
    for asked in touched:
        question = saved(asked, recent.get(asked.trigger_key), batch, using=using)
        if question is not None:
            recent[asked.trigger_key] = question
            settle(question, listening, preferences, now, head_start=stored)
    if stored:
        _link(recent.values(), batch, session_id)
    _keep(listening, ear, recent)
    return ear


def _recent(batch: Batch, *, using: str) -> dict[str, Question]:
    since = batch.received_at - REMEMBERED
    found = Question.objects.using(using).filter(
        owner_id=batch.owner_id, uid=batch.uid, asked_at__gt=since
    )
    return {question.trigger_key: question for question in found}


def _ear(
    listening: Listening, recent: Iterable[Question], stored: LastUtterance | None
) -> ListenerState:
    running = (q for q in recent if q.pk == listening.open_question_id and not q.closed)
    return ListenerState(
        stored
        or LastUtterance(
            listening.tail_text,
            listening.tail_voice,
            listening.tail_end_s,
            listening.tail_heard_at,
        ),
        next(map(as_heard, running), None),
        listening.spoken_at,
    )


def _session_of(batch: Batch) -> Any:
    stored = TranscriptSegment.objects.filter(
        session__owner_id=batch.owner_id,
        session__uid=batch.uid,
        session__last_received_at__gte=batch.received_at,
        key__in=[segment.key for segment in batch.segments],
    )
    return stored.values_list("session_id", flat=True).first()


def _tail_before(batch: Batch, session_id: Any) -> LastUtterance | None:
    """What was stored right before the delivery: its request may have gone unheard."""
    starts = [segment.start_s for segment in batch.segments if segment.start_s is not None]
    if session_id is None or not starts:
        return None
    before = TranscriptSegment.objects.filter(session_id=session_id, start_s__lt=min(starts))
    row = before.order_by("-start_s", "-id").first()
    if row is None or row.is_user is False:
        return None
    voice = voice_of(Segment(row.key, row.text, row.speaker, is_user=row.is_user))
    return LastUtterance(row.text[-200:], voice, row.end_s, row.received_at)


def _link(questions: Iterable[Question], batch: Batch, session_id: Any) -> None:
    if session_id is None:
        return
    keys = {segment.key for segment in batch.segments}
    heard = [question.pk for question in questions if keys & set(question.segment_keys)]
    unlinked = Question.objects.select_for_update().filter(session=None, pk__in=heard)
    linked = [question.pk for question in unlinked.order_by("pk")]
    if not linked:
        return
    Question.objects.filter(pk__in=linked).update(session_id=session_id)
    # The job that answered one of them knew no conversation to write it into.
    for question in Question.objects.filter(pk__in=linked, state=State.DONE).exclude(answer=""):
        record(question)


def _keep(listening: Listening, ear: ListenerState, recent: dict[str, Question]) -> None:
    asked = recent.get(ear.open.trigger_key) if ear.open is not None else None
    changes: dict[str, Any] = {"open_question": asked}
    before, after = listening.tail_heard_at, ear.tail.heard_at
    if after is not None and (before is None or after >= before):
        changes |= {
            "tail_text": ear.tail.text,
            "tail_voice": ear.tail.voice,
            "tail_end_s": ear.tail.end_s,
            "tail_heard_at": after,
        }
    using = listening._state.db or DEFAULT_DB_ALIAS
    Listening.objects.using(using).filter(pk=listening.pk).update(**changes)
