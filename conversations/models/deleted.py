"""What is left of deleted words."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class DeletedWords(models.Model):
    """What names deleted words when they are sent again, and nothing of what they said: the hash
    of a segment's key, or of the id of Omi's conversation."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    digest = models.BinaryField(max_length=16)
    deleted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "digest"], name="deleted_words_owner_digest")
        ]


class DeletedSession(models.Model):
    """When speech was heard that was deleted before Omi ended its conversation: the final
    transcript may come with other ids than the live one."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    uid_digest = models.BinaryField(max_length=16)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["owner", "uid_digest", "started_at"], name="deleted_session_owner_uid"
            )
        ]
