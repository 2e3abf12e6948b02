from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorCombinable, SearchVectorField
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.functions import Left, Now
from django.db.models.signals import post_delete
from django.dispatch import receiver

from omibackend.core.postgres.rows import LightManager, UUIDModel

# PostgreSQL refuses a row whose tsvector passes 1 MB; what is beyond is kept but not searched.
MOST_SEARCHED_CHARS = 50_000


class MemoryKind(models.TextChoices):
    CONVERSATION = "conversation", "conversation"
    DAY_SUMMARY = "day_summary", "day summary"
    NOTE = "note", "note"


class By(models.TextChoices):
    """Whose change it was."""

    OWNER = "owner", "the owner"
    STAFF = "staff", "staff"
    SENDER = "sender", "the sender"
    MERGE = "merge", "a merge"


class OwnerLexeme(SearchVectorCombinable, models.Func):
    """Whose memory it is, as a word that no text holds: with a space in it. The index of words
    then reads only the hits of one person, however many others say the same."""

    template = "array_to_tsvector(ARRAY['owner ' || (%(expressions)s)::text])"
    output_field = SearchVectorField()


class Memory(UUIDModel):
    """What was kept of a conversation, a day, or a thought. It is not called by its title: the
    admin's log keeps the name after the memory is deleted."""

    # Like every key below it needs no index of its own: a longer one begins with it.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memories", db_index=False
    )
    kind = models.CharField(max_length=12, choices=MemoryKind.choices)
    source = models.CharField(max_length=40)
    # The sender's id. None: it gave none, and the text says what is the same memory.
    source_id = models.CharField(max_length=200, null=True, editable=False)  # noqa: DJ001
    title = models.TextField(blank=True)
    text = models.TextField(blank=True)
    category = models.CharField(max_length=40, blank=True)
    emoji = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=20, blank=True)
    pinned = models.BooleanField(default=False, db_default=False)
    # A private or wrong memory is the owner's to read, and never a model's.
    private = models.BooleanField(default=False, db_default=False)
    wrong = models.BooleanField(default=False, db_default=False)
    occurred_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    # What the owner changed: a re-send leaves it alone.
    edited_fields = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    # {"title", "text", "category", "emoji", "delivery_id"} as the sender gave them last
    sender_version = models.JSONField(default=dict, editable=False)
    content_hash = models.CharField(max_length=64, editable=False)
    # The delivery that made it; None when it came by another way.
    delivery_id = models.UUIDField(null=True, editable=False)
    segment_keys = models.JSONField(default=list, editable=False)
    quote = models.TextField(blank=True, editable=False)
    details = models.JSONField(default=dict, editable=False)
    # Told about the same, at about the same time; indexed below, as few memories have one.
    similar_to = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="+", db_index=False
    )
    search = models.GeneratedField(
        expression=SearchVector(Left("title", MOST_SEARCHED_CHARS), weight="A", config="simple")
        + SearchVector(Left("text", MOST_SEARCHED_CHARS), weight="B", config="simple")
        + OwnerLexeme("owner"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = LightManager()

    class Meta:
        verbose_name_plural = "memories"
        ordering = ["-occurred_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind", "source_id"], name="memory_source_id")
        ]
        indexes = [
            models.Index(fields=["owner", "-occurred_at", "-id"], name="memory_owner_occurred"),
            models.Index(fields=["-occurred_at", "-id"], name="memory_occurred"),
            models.Index(
                fields=["owner", "category", "-occurred_at", "-id"], name="memory_owner_category"
            ),
            # What few memories are must be found without reading the many others.
            *(
                models.Index(
                    fields=["owner", "-occurred_at", "-id"],
                    condition=models.Q(**{mark: True}),
                    name=f"memory_{mark}",
                )
                for mark in ("pinned", "private", "wrong")
            ),
            models.Index(fields=["owner", "kind", "content_hash"], name="memory_content_hash"),
            models.Index(
                fields=["similar_to"],
                condition=models.Q(similar_to__isnull=False),
                name="memory_similar_to",
            ),
            GinIndex(fields=["search"], name="memory_search"),
        ]

    @property
    def display_title(self) -> str:
        """The title, or the beginning of the text, or what it is: for showing only."""
        first_line = self.text.strip().partition("\n")[0]
        beginning = f"{first_line[:79]}…" if len(first_line) > 80 else first_line
        return self.title.strip() or beginning or f"Untitled {self.get_kind_display()}"

    @property
    def edited(self) -> bool:
        return bool(self.edited_fields)


class Revision(UUIDModel):
    """A change of a memory: what stood there before. It goes with the memory."""

    memory = models.ForeignKey(Memory, models.CASCADE, related_name="revisions", db_index=False)
    by = models.CharField(max_length=6, choices=By.choices)
    # Only the fields that changed
    before = models.JSONField()
    delivery_id = models.UUIDField(null=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["memory", "-id"], name="revision_memory")]


class ActionItem(UUIDModel):
    """Something to do that a memory speaks of."""

    memory = models.ForeignKey(Memory, models.CASCADE, related_name="action_items", db_index=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="action_items", db_index=False
    )
    description = models.TextField()
    # Of the sender's words, also after the owner changed them: it names the item in a re-send.
    description_hash = models.CharField(max_length=64, editable=False)
    completed = models.BooleanField(default=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True)
    edited_fields = ArrayField(models.CharField(max_length=20), default=list, editable=False)
    delivery_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["memory", "description_hash"], name="action_item_description"
            )
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="action_item_owner_id"),
            models.Index(
                fields=["owner", "-id"],
                condition=models.Q(completed=False),
                name="action_item_open",
            ),
            models.Index(
                fields=["owner", "due_at"],
                condition=models.Q(due_at__isnull=False),
                name="action_item_due",
            ),
        ]


class Event(UUIDModel):
    """Something that will take place, as a memory tells."""

    memory = models.ForeignKey(Memory, models.CASCADE, related_name="events", db_index=False)
    title = models.TextField()
    title_hash = models.CharField(max_length=64, editable=False)
    description = models.TextField(blank=True)
    starts_at = models.DateTimeField()
    duration_minutes = models.PositiveIntegerField(default=30)

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["memory", "title_hash", "starts_at"], name="event_title_start"
            )
        ]


class Photo(UUIDModel):
    """A picture taken during a conversation. `file` is empty when its bytes were no picture."""

    memory = models.ForeignKey(Memory, models.CASCADE, related_name="photos", db_index=False)
    source_id = models.CharField(max_length=200, editable=False)
    description = models.TextField(blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    content_type = models.CharField(max_length=20, blank=True, editable=False)
    file = models.FileField(max_length=200, blank=True, editable=False)

    class Meta:
        ordering = ["taken_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["memory", "source_id"], name="photo_source_id")
        ]


@receiver(post_delete, sender=Photo)
def remove_file(instance: Photo, **_: Any) -> None:
    """Whatever deletes the row (a memory, its owner's account) deletes the picture too."""
    name = instance.file.name
    if name:
        transaction.on_commit(lambda: default_storage.delete(name), robust=True)


class Tombstone(models.Model):
    """A memory deleted or merged into another: what names it when it is sent again, and nothing of
    what it said."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=12, choices=MemoryKind.choices)
    source_id = models.CharField(max_length=200, null=True)  # noqa: DJ001
    content_hash = models.CharField(max_length=64)
    deleted_at = models.DateTimeField(db_default=Now())
    merged_into = models.ForeignKey(
        Memory, models.SET_NULL, null=True, related_name="merged", db_index=False
    )
    # Of what was merged: the way back to where its part of the words came from.
    memory_id = models.UUIDField(null=True)
    delivery_id = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "kind", "source_id"], name="tombstone_source_id"
            ),
            models.UniqueConstraint(
                fields=["owner", "kind", "content_hash"],
                name="tombstone_content_hash",
                condition=models.Q(source_id=None),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "kind", "content_hash"], name="tombstone_content"),
            models.Index(
                fields=["merged_into"],
                condition=models.Q(merged_into__isnull=False),
                name="tombstone_merged_into",
            ),
        ]
