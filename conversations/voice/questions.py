"""The rows of spoken questions: opened, continued, closed, under their wearable's lock."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models.functions import Now

from conversations.models import Listening, Question, ReplyChannel
from conversations.segments import Batch
from conversations.transcripts.text import words_of
from conversations.voice import intents
from conversations.voice.detector import SHORTEST_UTTERANCE_WORDS, WINDOW_S, QuestionDraft
from omibackend.accounts.models import ListenMode, Preferences
from omibackend.accounts.preferences import preferences_of
from omibackend.core.postgres.rows import locked
from omibackend.core.work.leased import State, waiting_until

COOLDOWN = timedelta(seconds=10)
ASKED_AGAIN_WITHIN = timedelta(seconds=60)
ASKED_AGAIN_SHARE = 0.9
# The request is to claim a question first; the job that overtakes it leaves it this long.
HEAD_START = timedelta(seconds=2)
# What of a question its first words say, and what all that were heard so far.
FIRST = ("trigger_key", "voice", "start_s", "asked_at")
LATEST = ("text", "quote", "end_s", "closes_at", "closed", "delivery_id")
NOTHING_ASKED, ASKED_AGAIN = "nothing asked", "asked again"
MUTED, QUIET, COOLING = REASONS_TO_KEEP = ("muted", "quiet hours", "cooldown")


def listening_of(owner_id: int, uid: str, *, using: str) -> Any:
    """Locked; `now` is the database's time."""
    rows = Listening.objects.using(using).annotate(now=Now())
    return locked(rows, owner_id=owner_id, uid=uid)


def as_heard(question: Question) -> QuestionDraft:
    stored: dict[str, Any] = {name: getattr(question, name) for name in (*FIRST, *LATEST)}
    keys, least_words = tuple(question.segment_keys), _least_words(question)
    return QuestionDraft(**stored, keys=keys, least_words=least_words)


def _least_words(question: Question) -> int:
    said_in_passing = question.trigger_key.endswith(f":{ListenMode.ALWAYS[0]}")
    return SHORTEST_UTTERANCE_WORDS if said_in_passing else 1


def saved(
    asked: QuestionDraft, known: Question | None, batch: Batch, *, using: str
) -> Question | None:
    """The row of a question as it was heard by now; None if it was asked before."""
    values = {
        **{name: getattr(asked, name) for name in LATEST},
        "segment_keys": list(asked.keys),
        # An open question is due when it closes. Whoever held it holds an old version.
        **waiting_until(asked.closes_at),
    }
    rows = Question.objects.using(using)
    if known is not None:
        for name, value in values.items():
            setattr(known, name, value)
        known.save(using=using, update_fields=values)
        return known
    first = {name: getattr(asked, name) for name in FIRST}
    question, created = rows.get_or_create(
        owner_id=batch.owner_id,
        uid=batch.uid,
        trigger_key=asked.trigger_key,
        defaults={**first, **values},
    )
    return question if created else None


def close_due(question_id: UUID) -> Question | None:
    """Closes a question whose time is up, though nothing more was said; returns it as it is now.
    None: it was deleted."""
    with transaction.atomic():
        found = Question.objects.only("owner_id", "uid").filter(pk=question_id).first()
        if found is None:
            return None
        listening = listening_of(found.owner_id, found.uid, using=DEFAULT_DB_ALIAS)
        question = Question.objects.filter(pk=question_id).first()
        if question is None or question.closed:
            return question
        if question.closes_at > listening.now:
            return question
        question.closed = True
        question.save(update_fields=["closed"])
        Listening.objects.filter(pk=listening.pk, open_question=question).update(open_question=None)
        settle(question, listening, preferences_of(found.owner_id), listening.now)
        return question


def settle(
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
    question.why, question.channel, question.state = why, ReplyChannel.KEPT, State.IGNORED
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
    if intents.read(question.text):
        return ""
    if last is not None and not is_followup and abs(question.asked_at - last) < COOLDOWN:
        return COOLING
    return ""
