"""Answers within the webhook's own reply, as long as a model call is quick and a slot is free."""

import time
from functools import cache
from threading import BoundedSemaphore
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from conversations import recall
from conversations.models import Channel, Listening, Question
from omibackend.core.errors import OmiError
from omibackend.core.leased import State

# Omi pushes nothing shorter to the phone.
SHORTEST_PUSHED_CHARS = 6
TOO_SHORT = "too short for Omi to push"
NO_SLOT, NOT_IN_TIME = "no slot free", "not ready in time"


@cache
def _slots() -> BoundedSemaphore:
    """A reply holds a web thread while the model thinks: at most so many at a time."""
    return BoundedSemaphore(settings.OMI_REPLY_SLOTS)


def answer_now(question: Question, *, budget_s: float) -> str | None:
    """The reply to a question that `hear_now` claimed; None: it is answered later, by the job."""
    until = time.monotonic() + budget_s
    if budget_s <= 0 or not _slots().acquire(blocking=False):
        _give_back(question, NO_SLOT)
        return None
    try:
        reply = recall.ask(question, timeout_s=until - time.monotonic())
    except OmiError:
        _give_back(question, NOT_IN_TIME)
        return None
    finally:
        _slots().release()
    spoken = len(reply.answer.text) >= SHORTEST_PUSHED_CHARS
    channel = Channel.INLINE if spoken else Channel.KEPT
    if not _store(question, reply, channel, why="" if spoken else TOO_SHORT):
        return None
    return reply.answer.text if spoken else None


def answer_fields(reply: recall.Reply) -> dict[str, object]:
    found = reply.answer
    return {
        "answer": found.text,
        "provider": found.provider,
        "model": found.model,
        "took_ms": round(found.took_ms),
        "sources": reply.sources,
        "answered_at": Now(),
    }


def _store(question: Question, reply: recall.Reply, channel: Channel, *, why: str) -> bool:
    """Keeps the answer and leaves the record to the job; False if the claim has run out."""
    kept = _held(question).update(
        **answer_fields(reply),
        channel=channel,
        why=why,
        state=State.PENDING,
        next_attempt_at=Now(),
        lease_token=None,
    )
    if kept and channel == Channel.INLINE:
        mark_spoken(question)
    return bool(kept)


def mark_spoken(question: Question) -> None:
    """What the person says next may be a follow-up."""
    heard = Listening.objects.filter(owner_id=question.owner_id, uid=question.uid)
    heard.update(spoken_at=Now())


def _give_back(question: Question, why: str) -> None:
    """Leaves it to the job, and says why the answer will come late."""
    _held(question).update(why=why, state=State.PENDING, next_attempt_at=Now(), lease_token=None)


def _held(question: Question) -> QuerySet[Question]:
    return Question.objects.filter(
        pk=question.pk, lease_token=question.lease_token, state=State.LEASED
    )


def spoken_for(delivery_id: UUID) -> str | None:
    """What the answer to this delivery said, for a sender that did not get it and asks again."""
    spoken = Question.objects.filter(delivery_id=delivery_id, channel=Channel.INLINE)
    return spoken.order_by("id").values_list("answer", flat=True).first()
