"""Conversations as they are read, and their messages."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Greatest, Now

from conversations.models.asked import Question
from conversations.models.clients import Client
from conversations.models.heard import OmiSession
from omibackend.core.postgres.rows import LightManager, UUIDModel


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible_to(self, user: Any) -> "ConversationQuerySet":
        """One's own; for staff also those of the clients that they may see."""
        # As a list: a subquery would hide from PostgreSQL which index leads to the rows.
        seen = list(Client.objects.visible_to(user).values_list("pk", flat=True))
        return self.filter(Q(owner_id=user.pk) | Q(client__in=seen))

    def touch(self, at: datetime) -> None:
        """A message came."""
        self.update(last_message_at=Greatest("last_message_at", at))


class Conversation(UUIDModel):
    """A thread of messages: a chat, what a wearable heard and was asked meanwhile, or what a
    client's agent said. It belongs to a person or to a client.

    One of kind `omi` belongs to its session and has the session's id: who holds one of the two
    addresses has the other. It is made with the session, so that none is missing.
    """

    class Kind(models.TextChoices):
        OMI = "omi", "spoken to Omi"
        CHAT = "chat", "chat"

    # Like the session neither needs an index of its own: the ones below begin with them.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="conversations",
        null=True,
        blank=True,
        db_index=False,
    )
    client = models.ForeignKey(
        Client,
        models.PROTECT,
        related_name="conversations",
        null=True,
        blank=True,
        db_index=False,
    )
    # An agent's says what runs it: n8n, langchain.
    kind = models.CharField(max_length=20, choices=Kind.choices)
    # What the caller names a chat by, or an agent its session.
    key = models.CharField(max_length=255, blank=True, default="", db_default="")
    session = models.OneToOneField(
        OmiSession, models.CASCADE, null=True, blank=True, related_name="conversation"
    )
    title = models.TextField(blank=True, default="", db_default="")
    started_at = models.DateTimeField(db_default=Now())
    # Of a spoken one: when it was last heard, as known once it fell silent.
    last_message_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[ConversationQuerySet] = ConversationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["-last_message_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "key"], condition=Q(kind="chat"), name="conversation_owner_chat"
            ),
            models.CheckConstraint(
                condition=Q(owner=None, client__isnull=False) | Q(owner__isnull=False, client=None),
                name="conversation_owner_or_client",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "-last_message_at", "-id"], name="conversation_owner_recent"
            ),
            models.Index(
                fields=["owner", "-last_message_at", "-id"],
                condition=Q(kind="chat"),
                name="conversation_owner_chats",
            ),
            models.Index(
                fields=["client", "-last_message_at", "-id"],
                condition=Q(client__isnull=False),
                name="conversation_client_recent",
            ),
            models.Index(fields=["-last_message_at", "-id"], name="conversation_recent"),
        ]

    def __str__(self) -> str:
        return self.title or super().__str__()


class Message(UUIDModel):
    """One turn of a conversation. UNTRUSTED content."""

    class Role(models.TextChoices):
        USER = "user", "person"
        ASSISTANT = "assistant", "assistant"

    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="messages", db_index=False
    )
    role = models.CharField(max_length=9, choices=Role.choices)
    text = models.TextField()
    occurred_at = models.DateTimeField()
    # One message of each role to a question, so that two jobs cannot write it twice.
    question = models.ForeignKey(
        Question, models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    # The message that this one answers: one answer, whoever else was waiting for it.
    reply_to = models.OneToOneField(
        "self", models.CASCADE, null=True, blank=True, related_name="reply"
    )
    # Somebody waits for the model on its behalf until then, at the latest.
    asking_until = models.DateTimeField(null=True, editable=False)
    sources = models.JSONField(default=list)
    delivery_id = models.UUIDField(null=True, blank=True)
    search = models.GeneratedField(
        expression=SearchVector("text", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = LightManager()

    class Meta:
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["question", "role"], name="message_question_role")
        ]
        indexes = [
            models.Index(fields=["conversation", "-occurred_at", "-id"], name="message_in_order"),
            GinIndex(fields=["search"], name="message_search"),
        ]

    @property
    def answer(self) -> "Message | None":
        return getattr(self, "reply", None)


def messages_of(conversation: Conversation) -> models.QuerySet[Message]:
    """The latest first. Who reads them asks for keyset pages (`core.api.pages`), slices, `count()`
    and `first()`, so that a history table, as an unmanaged model, can be another such queryset."""
    return conversation.messages.all()
