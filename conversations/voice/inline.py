"""Answers within the webhook's own reply, as long as a model call is quick and a slot is free."""

import time
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from conversations.assistant import answering, bulkhead
from conversations.models import Listening, Question, ReplyChannel
from conversations.voice import actions
from conversations.voice.intents import Command
from omibackend.core.errors import OmiError
from omibackend.core.work.leased import waiting_until

NO_SLOT, NOT_IN_TIME = "no slot free", "not ready in time"


def answer_now(question: Question, *, budget_s: float) -> str | None:
    """The reply to a question that `detect_in_request` claimed; None: the job answers it later."""
    until = time.monotonic() + budget_s
    command = actions.command_in(question)
    if command is not None:
        return _carry_out_now(question, command)
    may_wait = budget_s > 0 and settings.OMI_REPLY_SLOTS > 0
    if not may_wait or not bulkhead.everyone().acquire(blocking=False):
        _give_back(question, NO_SLOT)
        return None
    try:
        reply = answering.ask(question, timeout_s=until - time.monotonic())
    except OmiError:
        _give_back(question, NOT_IN_TIME)
        return None
    finally:
        bulkhead.everyone().release()
    return _spoken(question, reply.answer.text, answer_fields(reply))


def _carry_out_now(question: Question, command: Command) -> str | None:
    """A command is done at once, without a model."""
    with transaction.atomic():
        actions.before_carrying_out(question, command)
        if question.held().select_for_update().first() is None:
            return None
        answer = actions.carry_out(question, command)
        return _spoken(question, answer, command_fields(answer))


def command_fields(answer: str) -> dict[str, object]:
    return {"answer": answer, "provider": actions.PROVIDER, "answered_at": Now()}


def answer_fields(reply: answering.Reply) -> dict[str, object]:
    found = reply.answer
    return {
        "answer": found.text,
        "provider": found.provider,
        "model": found.model,
        "took_ms": round(found.took_ms),
        "sources": reply.sources,
        "answered_at": Now(),
    }


def _spoken(question: Question, answer: str, fields: dict[str, object]) -> str | None:
    """Keeps the answer and leaves the record to the job; None if the claim has run out."""
    spoken = actions.framed(question, answer)
    kept = question.held().update(
        **fields,
        spoken=spoken,
        channel=ReplyChannel.INLINE,
        **waiting_until(Now()),
    )
    if not kept:
        return None
    mark_spoken(question)
    return spoken


def mark_spoken(question: Question) -> None:
    """What the person says next may be a follow-up."""
    heard = Listening.objects.filter(owner_id=question.owner_id, uid=question.uid)
    heard.update(spoken_at=Now())


def _give_back(question: Question, why: str) -> None:
    """Leaves it to the job, and says why the answer will come late."""
    question.held().update(why=why, **waiting_until(Now()))


def spoken_for(delivery_id: UUID) -> str | None:
    """What the answer to this delivery said, for a sender that did not get it and asks again."""
    spoken = Question.objects.filter(delivery_id=delivery_id, channel=ReplyChannel.INLINE)
    return spoken.order_by("id").values_list("spoken", flat=True).first()
