"""What a person's assistant is turned to."""

from django.conf import settings
from django.db import models

from conversations.models.threads import Conversation


class Space(models.TextChoices):
    """What the assistant is turned to."""

    DEFAULT = "default", "default"
    TODOS = "todos", "to-dos"
    MEMORIES = "memories", "memories"
    TASKS = "tasks", "tasks"
    AGENT = "agent", "agent"
    FRIENDS = "friends", "friends"
    NOTIFICATIONS = "notifications", "notifications"


class Pending(models.TextChoices):
    """What the assistant has asked back and waits for."""

    NONE = "", "nothing"
    WINDOW = "select_window", "which window to select"


class ContextState(models.Model):
    """Where a person stands with the assistant, for each wearable or chat. Without a row the
    defaults hold. Its row lock puts the changes in a row."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    # Omi's uid, or the session_id of a chat.
    key = models.CharField(max_length=128)
    space = models.CharField(max_length=13, choices=Space.choices, default=Space.DEFAULT)
    pending = models.CharField(
        max_length=13, choices=Pending.choices, blank=True, default=Pending.NONE
    )
    pending_since = models.DateTimeField(null=True, blank=True)
    active_slot = models.PositiveSmallIntegerField(null=True, blank=True)
    # Earlier turns are not looked at any more.
    cleared_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "context"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="context_owner_key")]

    def __str__(self) -> str:
        return f"Context {self.pk}"


class ContextWindow(models.Model):
    """A conversation kept at hand in one of five slots."""

    state = models.ForeignKey(ContextState, models.CASCADE, related_name="windows", db_index=False)
    slot = models.PositiveSmallIntegerField()
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = "window"
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["state", "slot"], name="context_window_slot"),
            models.CheckConstraint(
                condition=models.Q(slot__range=(1, 5)), name="context_window_slot_range"
            ),
        ]

    def __str__(self) -> str:
        return f"Window {self.slot}"
