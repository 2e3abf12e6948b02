"""What a wearable heard."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, F, Func, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan

from omibackend.core.postgres.rows import UUIDModel


class OmiSession(UUIDModel):
    """One conversation as a wearable heard it: live at first, then replaced by Omi's final one."""

    # Like every key below it needs no index of its own: a longer one begins with it.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="omi_sessions", db_index=False
    )
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
    # Of live segments that the final ones took the place of: they may be sent again.
    replaced_keys = ArrayField(
        models.CharField(max_length=64),
        default=list,
        db_default=Value([], ArrayField(models.CharField(max_length=64))),
        editable=False,
    )
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
        return self.title or super().__str__()

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
        return self.order_by(F("start_s").asc(nulls_last=True), "end_s", _tie(), "id")

    def ending(self, most: int) -> list["TranscriptSegment"]:
        """The last few, in order."""
        return list(self.in_order().reverse()[:most])[::-1]

    def before(self, question: Any, within: timedelta, most: int) -> list["TranscriptSegment"]:
        """The last few that its wearable heard before a question, without its own words."""
        since = question.asked_at - within
        heard = self.filter(
            session__owner_id=question.owner_id,
            session__uid=question.uid,
            session__last_received_at__gte=since,
            received_at__range=(since, question.asked_at),
        ).exclude(key__in=question.segment_keys)
        return list(heard.order_by("-received_at", "-start_s", "-id")[:most])[::-1]

    def after(self, segment: "TranscriptSegment") -> "SegmentQuerySet":
        """What comes behind it in that order."""
        never = Value(float("inf"))
        place = Func(
            Coalesce("start_s", never),
            Coalesce("end_s", never),
            _tie(),
            F("id"),
            function="ROW",
            output_field=models.Field(),
        )
        own = (segment.start_s, segment.end_s)
        here = Func(
            *(never if part is None else Value(part) for part in own),
            Value("" if segment.start_s is None else segment.key),
            Value(segment.pk),
            function="ROW",
            output_field=models.Field(),
        )
        return self.filter(GreaterThan(place, here))


def _tie() -> Case:
    return Case(When(start_s=None, then=Value("")), default=F("key"))


class TranscriptSegment(models.Model):
    """A stretch of speech of one speaker. UNTRUSTED content."""

    session = models.ForeignKey(OmiSession, models.CASCADE, related_name="segments", db_index=False)
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


class TranscriptWords(models.Model):
    """What a transcript is found by: its words, as of one version of the session.

    Written once a session is silent or final. An index on the segments themselves would cost
    every delivery more than storing them does.
    """

    session = models.OneToOneField(
        OmiSession, models.CASCADE, primary_key=True, related_name="words"
    )
    version = models.PositiveIntegerField()
    search = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["search"], name="transcriptwords_search")]
