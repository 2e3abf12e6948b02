from collections.abc import Sequence
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Value, When
from django.db.models.functions import Now

from conversations.identity import Segment
from omibackend.core.ids import uuid7
from omibackend.core.leased import Leased


class OmiSession(models.Model):
    """One conversation as a wearable heard it: live at first, then replaced by Omi's final one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="omi_sessions")
    uid = models.CharField(max_length=128)
    # Set only where the sender's session_id says more than the uid does; then it is the identity.
    sender_session_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    # When the sender's clock stood at zero, as far as arrivals tell; Omi's own word once final.
    started_at = models.DateTimeField()
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    # The sender's clock, in seconds since the conversation began. None: no segment tells a time.
    min_start_s = models.FloatField(null=True)
    max_end_s = models.FloatField(null=True)
    segment_count = models.PositiveIntegerField(default=0, db_default=0)
    language = models.CharField(max_length=20, blank=True, db_default="")
    title = models.TextField(blank=True, db_default="")
    omi_conversation_id = models.CharField(max_length=128, null=True, blank=True)  # noqa: DJ001
    finalised_at = models.DateTimeField(null=True, blank=True)
    # Bumped by each write, so that a remembered copy is known to be old.
    version = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        verbose_name = "session"
        ordering = ["-last_received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "uid", "sender_session_id"], name="omisession_sender_session"
            ),
            models.UniqueConstraint(
                fields=["owner", "omi_conversation_id"], name="omisession_omi_conversation"
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "uid", "-last_received_at", "-id"], name="omisession_owner_uid"
            ),
            models.Index(fields=["-last_received_at", "-id"], name="omisession_recent"),
        ]

    def __str__(self) -> str:
        return self.title or f"Session {str(self.pk)[-8:]}"

    @property
    def is_final(self) -> bool:
        return self.finalised_at is not None

    @property
    def length_s(self) -> float | None:
        if self.min_start_s is None or self.max_end_s is None:
            return None
        return self.max_end_s - self.min_start_s


class SegmentQuerySet(models.QuerySet["TranscriptSegment"]):
    def in_order(self) -> "SegmentQuerySet":
        """By the sender's clock, whatever the order of arrival; what tells no time comes last,
        as it arrived."""
        tie = Case(When(start_s=None, then=Value("")), default=F("key"))
        return self.order_by(F("start_s").asc(nulls_last=True), "end_s", tie, "id")


class TranscriptSegment(models.Model):
    """A stretch of speech of one speaker. UNTRUSTED content."""

    session = models.ForeignKey(OmiSession, models.CASCADE, related_name="segments")
    # The sender's id of the segment, or one made from what it says and when.
    key = models.CharField(max_length=64)
    text = models.TextField()
    speaker = models.TextField(blank=True, db_default="")
    speaker_id = models.BigIntegerField(null=True)
    speaker_name = models.TextField(blank=True, db_default="")
    is_user = models.BooleanField(null=True)
    person_id = models.TextField(blank=True, db_default="")
    start_s = models.FloatField(null=True)
    end_s = models.FloatField(null=True)
    final = models.BooleanField(default=False, db_default=False)
    # What we had answered or pushed just before, heard again.
    is_echo = models.BooleanField(default=False, db_default=False)
    received_at = models.DateTimeField()
    delivery_id = models.UUIDField()

    objects: ClassVar[SegmentQuerySet] = SegmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "key"], name="segment_session_key")
        ]
        indexes = [models.Index(fields=["session", "start_s", "id"], name="segment_in_order")]

    def __str__(self) -> str:
        return f"Segment {self.pk}"


class Channel(models.TextChoices):
    NONE = "", "not answered yet"
    INLINE = "inline", "in the webhook's answer"
    NOTIFICATION = "notification", "as a notification"
    KEPT = "kept", "in the record only"


class Question(Leased):
    """Something the person asked aloud, and what was answered. UNTRUSTED content.

    It is asked once however often its words arrive: `trigger_key` names the words that
    opened it. While it is open, `next_attempt_at` is the moment that closes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="questions")
    uid = models.CharField(max_length=128)
    session = models.ForeignKey(
        OmiSession, models.SET_NULL, null=True, blank=True, related_name="questions"
    )
    trigger_key = models.CharField(max_length=80)
    text = models.TextField(blank=True)
    segment_keys = models.JSONField(default=list)
    # The words as heard, trigger included: they outlive the live transcript.
    quote = models.TextField(blank=True)
    # Who asked: "you", or the sender's label of the speaker.
    voice = models.TextField(blank=True)
    start_s = models.FloatField(null=True)
    end_s = models.FloatField(null=True)
    asked_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    closed = models.BooleanField(default=False)
    # The delivery with its last words: the one whose answer may carry the reply.
    delivery_id = models.UUIDField()
    answer = models.TextField(blank=True, default="")
    provider = models.CharField(max_length=40, blank=True, default="")
    model = models.CharField(max_length=100, blank=True, default="")
    took_ms = models.PositiveIntegerField(null=True)
    # [{"type": "memory" | "segment", "id", "quote"}]: what the answer rests on
    sources = models.JSONField(default=list)
    channel = models.CharField(max_length=12, choices=Channel.choices, blank=True, default="")
    # Why it was not spoken, in words.
    why = models.CharField(max_length=60, blank=True, default="")
    answered_at = models.DateTimeField(null=True)

    # What the request behind it has just heard and nobody has stored yet.
    just_heard: Sequence[Segment] = ()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "uid", "trigger_key"], name="question_owner_uid_trigger"
            )
        ]
        indexes = [
            Leased.live_index("question_live"),
            models.Index(fields=["owner", "uid", "-asked_at"], name="question_owner_uid_asked"),
            models.Index(fields=["delivery_id"], name="question_delivery"),
        ]

    def __str__(self) -> str:
        return f"Question {str(self.pk)[-8:]}"


class Listening(models.Model):
    """How far a wearable was listened to. Its row lock puts the transitions in a row."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    uid = models.CharField(max_length=128)
    # The last that the person said, in case that a call goes on after it.
    tail_text = models.TextField(blank=True, default="", db_default="")
    tail_voice = models.TextField(blank=True, default="", db_default="")
    tail_end_s = models.FloatField(null=True)
    tail_heard_at = models.DateTimeField(null=True)
    open_question = models.ForeignKey(Question, models.SET_NULL, null=True, related_name="+")
    # The last question that was not asked twice, as plain words.
    last_question = models.TextField(blank=True, default="", db_default="")
    last_question_at = models.DateTimeField(null=True)
    # When the person last got an answer.
    spoken_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "listening"
        constraints = [models.UniqueConstraint(fields=["owner", "uid"], name="listening_owner_uid")]

    def __str__(self) -> str:
        return f"Listening {self.pk}"


class SendState(models.TextChoices):
    WAITING = "", "waiting"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    REFUSED = "refused", "refused"
    UNKNOWN = "unknown", "nobody knows"


class Notification(Leased):
    """A late answer on its way to the person's phone: sent at most once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    question = models.OneToOneField(Question, models.CASCADE, related_name="notification")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    uid = models.CharField(max_length=128)
    text = models.TextField()
    send_state = models.CharField(
        max_length=8, choices=SendState.choices, blank=True, default=SendState.WAITING
    )
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            Leased.live_index("notification_live"),
            models.Index(fields=["owner", "uid", "-sent_at"], name="notification_owner_uid"),
        ]

    def __str__(self) -> str:
        return f"Notification {str(self.pk)[-8:]}"


class Conversation(models.Model):
    """A thread of messages between a person and the assistant."""

    class Kind(models.TextChoices):
        OMI = "omi", "spoken to Omi"
        CHAT = "chat", "chat"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="conversations"
    )
    kind = models.CharField(max_length=4, choices=Kind.choices)
    key = models.CharField(max_length=255)
    title = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(db_default=Now())
    last_message_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-last_message_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind", "key"], name="conversation_owner_kind_key"
            )
        ]
        indexes = [
            models.Index(
                fields=["owner", "-last_message_at", "-id"], name="conversation_owner_recent"
            ),
            models.Index(fields=["-last_message_at", "-id"], name="conversation_recent"),
        ]

    def __str__(self) -> str:
        return self.title or f"Conversation {str(self.pk)[-8:]}"


class Message(models.Model):
    """One turn of a conversation. UNTRUSTED content."""

    class Role(models.TextChoices):
        USER = "user", "person"
        ASSISTANT = "assistant", "assistant"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="messages")
    role = models.CharField(max_length=9, choices=Role.choices)
    text = models.TextField()
    occurred_at = models.DateTimeField()
    # One message of each role to a question, so that two jobs cannot write it twice.
    question = models.ForeignKey(
        Question, models.SET_NULL, null=True, blank=True, related_name="messages"
    )
    sources = models.JSONField(default=list)
    delivery_id = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ["occurred_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["question", "role"], name="message_question_role")
        ]
        indexes = [
            models.Index(fields=["conversation", "occurred_at", "id"], name="message_in_order")
        ]

    def __str__(self) -> str:
        return f"Message {str(self.pk)[-8:]}"
