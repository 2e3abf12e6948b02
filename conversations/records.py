"""Spoken questions and their answers as a conversation to read."""

from django.db.models.functions import Greatest

from conversations.models import Conversation, Message, Question
from omibackend.core.leased import Became


def record(question: Question) -> Became:
    """Writes both turns, once."""
    answered_at = question.answered_at or question.asked_at
    conversation = _conversation(question)
    turns = [
        Message(
            conversation=conversation,
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
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message_at=Greatest("last_message_at", answered_at)
    )
    return [{"kind": "conversation", "id": str(conversation.pk), "how": "updated"}]


def _conversation(question: Question) -> Conversation:
    conversation, _ = Conversation.objects.get_or_create(
        owner_id=question.owner_id,
        kind=Conversation.Kind.OMI,
        key=question.uid,
        defaults={
            "title": "Spoken to Omi",
            "started_at": question.asked_at,
            "last_message_at": question.asked_at,
        },
    )
    return conversation


def tell(*, owner_id: int, key: str, title: str, message: Message) -> Became:
    """A message that nobody asked for, in a chat of its own."""
    conversation, _ = Conversation.objects.get_or_create(
        owner_id=owner_id, kind=Conversation.Kind.CHAT, key=key, defaults={"title": title}
    )
    message.conversation = conversation
    message.save(force_insert=True)
    Conversation.objects.filter(pk=conversation.pk).update(
        last_message_at=Greatest("last_message_at", message.occurred_at)
    )
    return [
        {"kind": "message", "id": str(message.pk), "how": "created"},
        {"kind": "conversation", "id": str(conversation.pk), "how": "updated"},
    ]
