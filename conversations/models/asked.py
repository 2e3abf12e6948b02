"""What was asked aloud, and what became of it."""

from collections.abc import Sequence

from django.conf import settings
from django.db import models

from conversations.models.heard import OmiSession
from conversations.segments import Segment
from omibackend.core.postgres.rows import UUIDModel
from omibackend.core.work.leased import Leased
from omibackend.core.work.outbox import Outgoing


class ReplyChannel(models.TextChoices):
    NONE = "", "not answered yet"
    INLINE = "inline", "in the webhook's answer"
    NOTIFICATION = "notification", "as a notification"
    KEPT = "kept", "in the record only"


class Question(Leased, UUIDModel):
    """Something the person asked aloud, and what was answered. UNTRUSTED content.

    It is asked once however often its words arrive: `trigger_key` names the words that
    opened it. While it is open, `next_attempt_at` is the moment that closes it.
    """

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
    # What the webhook's answer said: the answer between a header and a footer.
    spoken = models.TextField(blank=True, default="")
    provider = models.CharField(max_length=40, blank=True, default="")
    model = models.CharField(max_length=100, blank=True, default="")
    took_ms = models.PositiveIntegerField(null=True)
    # [{"type": "memory" | "segment", "id", "quote", "occurred_at"}]: what the answer rests on
    sources = models.JSONField(default=list)
    channel = models.CharField(max_length=12, choices=ReplyChannel.choices, blank=True, default="")
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


class Notification(Outgoing, UUIDModel):
    """A late answer on its way to the person's phone."""

    question = models.OneToOneField(Question, models.CASCADE, related_name="notification")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    uid = models.CharField(max_length=128)
    text = models.TextField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            Leased.live_index("notification_live"),
            Outgoing.recipient_index("notification_recipient"),
        ]

    @staticmethod
    def recipient_of(owner_id: int, uid: str) -> str:
        return f"{owner_id}:{uid}"
