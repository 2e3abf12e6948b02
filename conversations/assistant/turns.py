"""Turns to read: spoken questions with their answers, and what nobody asked for."""

from uuid import UUID

from conversations.models import Conversation, Message, Question
from conversations.transcripts.opening import open_chat
from omibackend.core.work.effects import Change, Effect


def record(question: Question) -> list[Effect]:
    """Writes both turns, once. Not before the words are stored: until then no session and so no
    conversation is theirs, and who stores them records it (see `listening.detect_in_job`)."""
    if question.session_id is None:
        return []
    answered_at = question.answered_at or question.asked_at
    turns = [
        Message(
            conversation_id=question.session_id,
            role=role,
            text=text,
            occurred_at=at,
            question=question,
            sources=sources,
            delivery_id=question.delivery_id,
        )
        for role, text, at, sources in (
            (Message.Role.USER, question.text, question.asked_at, []),
            (Message.Role.ASSISTANT, question.answer, answered_at, question.sources),
        )
    ]
    Message.objects.bulk_create(turns, ignore_conflicts=True)
    Conversation.objects.filter(pk=question.session_id).touch(answered_at)
    return [Effect.on("conversation", question.session_id, Change.UPDATED)]


def add(message: Message) -> Message:
    """Stores it, and its conversation is the latest."""
    message.save(force_insert=True)
    Conversation.objects.filter(pk=message.conversation_id).touch(message.occurred_at)
    return message


def tell(*, owner_id: int, key: str, title: str, message: Message) -> list[Effect]:
    """A message that nobody asked for, in a chat of its own."""
    conversation = open_chat(owner_id=owner_id, key=key, title=title)
    message.conversation = conversation
    add(message)
    return [
        Effect.on("message", message.pk, Change.CREATED),
        Effect.on("conversation", conversation.pk, Change.UPDATED),
    ]


def belongs(user_id: int, conversation_id: UUID) -> bool:
    return Conversation.objects.filter(pk=conversation_id, owner_id=user_id).exists()
