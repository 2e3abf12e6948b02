"""Chat: a message, and the answer to it from what is known. A message that comes again while its
answer is on the way, or right after it, is answered once."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from conversations.assistant import answering, bulkhead, contexts
from conversations.assistant.answering import AnswerContext, TranscriptLine, line_of
from conversations.models import Conversation, Message, OmiSession, TranscriptSegment
from memories.saving.identity import text_hash
from omibackend.core.errors import OmiError, Refused
from omibackend.core.postgres import clock
from omibackend.core.postgres.ids import uuid7
from omibackend.llm.context import ModelRefused, Note

SAME_WITHIN = timedelta(seconds=5)
# Of a conversation's own messages: where a repeated one is looked for.
LOOKED_AT = 10
TURNS = 12
LINES = 40
LINES_WITHIN = timedelta(hours=24)
TITLE_CHARS = 60
LEASE_MARGIN = timedelta(seconds=5)
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    response: str
    conversation_id: UUID
    duplicate: bool
    sources: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Put:
    """A message in its conversation. `until`: we are the ones to ask the model, for so long."""

    conversation: Conversation
    message: Message
    until: datetime | None
    answer: Message | None = None


def ask(*, owner_id: int, session_id: str, text: str, context: str = "") -> ChatAnswer:
    """Raises Refused: 503 at once when too many wait, 504 when the model does not answer."""
    with bulkhead.for_chat():
        put = _put(owner_id, session_id, text)
        if put.answer is not None:
            return _answered(put, put.answer, duplicate=True)
        if put.until is None:
            return _answered(put, _awaited(put.message), duplicate=True)
        try:
            given = _given(put, text, context)
            reply = answering.answered(text, given, timeout_s=timeout_s())
        except OmiError as error:
            _give_up(put)
            raise _failed(error) from error
        except BaseException:
            _give_up(put)
            raise
        return _answered(put, _stored(put, reply), duplicate=False)


def timeout_s() -> float:
    return min(settings.OPENAI_TIMEOUT_MS, settings.REQUEST_TIMEOUT_MS) / 1000


def _failed(error: OmiError) -> Refused:
    if isinstance(error, ModelRefused):
        return Refused(502, "model_refused", "The model's server refused the question.")
    return Refused(
        504,
        "model_timeout",
        "The model gave no answer. Your message is kept: send it again to ask again.",
    )


def _put(owner_id: int, session_id: str, text: str) -> _Put:
    """The conversation's row lock decides who asks the model."""
    with transaction.atomic():
        conversation = _locked(owner_id, session_id, text)
        now = clock.now()
        until = now + timedelta(seconds=timeout_s()) + LEASE_MARGIN
        users = Message.objects.filter(conversation=conversation, role=Message.Role.USER)
        latest = list(users.select_related("reply")[:LOOKED_AT])
        for message in latest:
            if text_hash(message.text) != text_hash(text):
                continue
            answer: Message | None = getattr(message, "reply", None)
            if answer is None and (message.asking_until or now) > now:
                return _Put(conversation, message, None)
            if answer is not None and now - message.occurred_at < SAME_WITHIN:
                return _Put(conversation, message, None, answer)
            if answer is None and message == latest[0]:  # asked in vain before
                message.asking_until = until
                message.save(update_fields=["asking_until"])
                return _Put(conversation, message, until)
        message = Message.objects.create(
            conversation=conversation,
            role=Message.Role.USER,
            text=text,
            occurred_at=now,
            asking_until=until,
        )
        _touch(conversation, now)
        return _Put(conversation, message, until)


def _locked(owner_id: int, session_id: str, text: str) -> Conversation:
    chats = Conversation.objects.select_for_update().filter(
        owner_id=owner_id, kind=Conversation.Kind.CHAT, key=session_id
    )
    found = chats.first()
    if found is None:
        title = " ".join(text.split())[:TITLE_CHARS]
        fresh = Conversation(
            id=uuid7(),
            owner_id=owner_id,
            kind=Conversation.Kind.CHAT,
            key=session_id,
            title=title,
        )
        Conversation.objects.bulk_create([fresh], ignore_conflicts=True)
        found = chats.get()
    return found


def _touch(conversation: Conversation, at: datetime) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(last_message_at=at)


def _given(put: _Put, text: str, context: str) -> AnswerContext:
    owner_id = put.conversation.owner_id
    state = contexts.state_of(owner_id, put.conversation.key)
    earlier = Message.objects.filter(
        conversation=put.conversation, occurred_at__lt=put.message.occurred_at
    )
    if state.cleared_at:
        earlier = earlier.filter(occurred_at__gt=state.cleared_at)
    told = (Note("What the caller adds", context),) if context.strip() else ()
    return AnswerContext(
        heard=_heard(owner_id),
        memories=answering.memories_for(owner_id, text),
        turns=answering.as_turns(earlier[:TURNS]),
        notes=(*contexts.notes(state), *told),
    )


def _heard(owner_id: int) -> list[TranscriptLine]:
    """The end of what a wearable of the person's heard last."""
    spoken = Conversation.objects.filter(owner_id=owner_id, kind=Conversation.Kind.OMI)
    newest = OmiSession.objects.filter(
        conversation__in=list(spoken.values_list("pk", flat=True)[:1]),
        last_received_at__gte=Now() - LINES_WITHIN,
    ).first()
    if newest is None:
        return []
    said = TranscriptSegment.objects.filter(session=newest).in_order().reverse()[:LINES]
    return [TranscriptLine(row.key, line_of(row), row.received_at) for row in reversed(said)]


def _stored(put: _Put, reply: answering.Reply) -> Message:
    """The answer; the one of another who asked for the same message, if he was first."""
    with transaction.atomic():
        chats = Conversation.objects.select_for_update().filter(pk=put.conversation.pk)
        asked = Message.objects.filter(pk=put.message.pk)
        message = asked.select_related("reply").first() if chats.first() else None
        if message is None:
            raise Refused(404, "not_found", "The conversation was deleted meanwhile.")
        answer: Message | None = getattr(message, "reply", None)
        if answer is None:
            answer = Message.objects.create(
                conversation=put.conversation,
                role=Message.Role.ASSISTANT,
                text=reply.answer.text,
                occurred_at=clock.now(),
                sources=reply.sources,
                reply_to=message,
            )
            _touch(put.conversation, answer.occurred_at)
        asked.update(asking_until=None)
        return answer


def _give_up(put: _Put) -> None:
    """The message stays, and may be asked again; who waits for the answer learns it at once."""
    Message.objects.filter(pk=put.message.pk, asking_until=put.until).update(asking_until=None)


def _awaited(message: Message) -> Message:
    """What somebody else is asking the model right now."""
    until = time.monotonic() + timeout_s()
    while time.monotonic() < until:
        found = Message.objects.filter(pk=message.pk).select_related("reply").first()
        if found is None:
            raise Refused(404, "not_found", "The conversation was deleted meanwhile.")
        answer: Message | None = getattr(found, "reply", None)
        if answer is not None:
            return answer
        if found.asking_until is None or found.asking_until <= clock.now():
            break
        time.sleep(POLL_S)
    raise _failed(OmiError())


def _answered(put: _Put, answer: Message, *, duplicate: bool) -> ChatAnswer:
    return ChatAnswer(answer.text, put.conversation.pk, duplicate, answer.sources)
