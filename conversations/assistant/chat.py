"""Chat: a message, and the answer to it from what is known. A message that comes again while its
answer is on the way, or right after it, is answered once."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from conversations.assistant import answering, bulkhead, contexts, turns
from conversations.assistant.answering import TranscriptLine, line_of
from conversations.models import Conversation, Message, messages_of
from conversations.transcripts.opening import open_chat
from memories.saving.identity import text_hash
from omibackend.core.errors import OmiError, Refused
from omibackend.core.postgres import clock
from omibackend.llm.context import Context, ModelRefused, Note

SAME_WITHIN = timedelta(seconds=5)
# Of a conversation's own messages: where a repeated one is looked for.
LOOKED_AT = 10
TURNS = 12
LINES = 40
LINES_WITHIN = timedelta(hours=24)
TITLE_CHARS = 60
LEASE_MARGIN = timedelta(seconds=5)
POLL_S = 0.1


def ask(*, owner_id: int, session_id: str, text: str, context: str = "") -> dict[str, Any]:
    """The answer as the API gives it. Raises Refused: 503 at once when too many wait, 504 when
    the model does not answer."""
    with bulkhead.for_chat():
        message, until = _put(owner_id, session_id, text)
        if until is None:
            return _answered(message.answer or _awaited(message), duplicate=True)
        try:
            given = _given(owner_id, message, text, context)
            reply = answering.answered(text, _heard(owner_id), given, timeout_s=timeout_s())
        except OmiError as error:
            _give_up(message, until)
            raise _failed(error) from error
        except BaseException:
            _give_up(message, until)
            raise
        return _answered(_stored(message, reply), duplicate=False)


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


def _put(owner_id: int, session_id: str, text: str) -> tuple[Message, datetime | None]:
    """The message in its chat; with a moment if we are the ones to ask the model, for so long.
    The conversation's row lock decides who is."""
    with transaction.atomic():
        title = " ".join(text.split())[:TITLE_CHARS]
        conversation = open_chat(owner_id=owner_id, key=session_id, title=title)
        now = clock.now()
        until = now + timedelta(seconds=timeout_s()) + LEASE_MARGIN
        users = messages_of(conversation).filter(role=Message.Role.USER)
        latest = list(users.select_related("reply")[:LOOKED_AT])
        for message in latest:
            if text_hash(message.text) != text_hash(text):
                continue
            if message.answer is None and (message.asking_until or now) > now:
                return message, None
            if message.answer is not None and now - message.occurred_at < SAME_WITHIN:
                return message, None
            if message.answer is None and message == latest[0]:  # asked in vain before
                message.asking_until = until
                message.save(update_fields=["asking_until"])
                return message, until
        message = Message(
            conversation=conversation,
            role=Message.Role.USER,
            text=text,
            occurred_at=now,
            asking_until=until,
        )
        return turns.add(message), until


def _given(owner_id: int, message: Message, text: str, context: str) -> Context:
    state = contexts.state_of(owner_id, message.conversation.key)
    earlier = messages_of(message.conversation).filter(occurred_at__lt=message.occurred_at)
    if state.cleared_at:
        earlier = earlier.filter(occurred_at__gt=state.cleared_at)
    told = (Note("What the caller adds", context),) if context.strip() else ()
    return Context(
        memories=answering.memories_for(owner_id, text),
        messages=answering.as_turns(earlier[:TURNS]),
        notes=(*contexts.notes(state), *told),
    )


def _heard(owner_id: int) -> list[TranscriptLine]:
    """The end of what a wearable of the person's heard last."""
    spoken = Conversation.objects.filter(owner_id=owner_id, kind=Conversation.Kind.OMI)
    newest = spoken.select_related("session").first()
    session = newest.session if newest else None
    if session is None or session.last_received_at < clock.now() - LINES_WITHIN:
        return []
    return [line_of(row, row.received_at) for row in session.segments.ending(LINES)]


def _stored(message: Message, reply: answering.Reply) -> Message:
    """The answer; the one of another who asked for the same message, if he was first."""
    with transaction.atomic():
        Conversation.objects.select_for_update().filter(pk=message.conversation_id).first()
        asked = _as_it_is(message)
        answer = asked.answer or turns.add(
            Message(
                conversation_id=asked.conversation_id,
                role=Message.Role.ASSISTANT,
                text=reply.answer.text,
                occurred_at=clock.now(),
                sources=reply.sources,
                reply_to=asked,
            )
        )
        Message.objects.filter(pk=asked.pk).update(asking_until=None)
        return answer


def _as_it_is(message: Message) -> Message:
    found = Message.objects.filter(pk=message.pk).select_related("reply").first()
    if found is None:
        raise Refused(404, "not_found", "The conversation was deleted meanwhile.")
    return found


def _give_up(message: Message, until: datetime) -> None:
    """The message stays, and may be asked again; who waits for the answer learns it at once."""
    Message.objects.filter(pk=message.pk, asking_until=until).update(asking_until=None)


def _awaited(message: Message) -> Message:
    """What somebody else is asking the model right now."""
    until = time.monotonic() + timeout_s()
    while time.monotonic() < until:
        found = _as_it_is(message)
        if found.answer is not None:
            return found.answer
        if found.asking_until is None or found.asking_until <= clock.now():
            break
        time.sleep(POLL_S)
    raise _failed(OmiError())


def _answered(answer: Message, *, duplicate: bool) -> dict[str, Any]:
    return {
        "response": answer.text,
        "conversation_id": answer.conversation_id,
        "duplicate": duplicate,
        "sources": answer.sources,
    }
