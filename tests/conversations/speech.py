"""Words for the tests: people, wearables and what is said to them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from conversations.models import OmiSession, TranscriptSegment
from conversations.segments import Batch, Segment
from conversations.transcripts import ingest
from conversations.voice import intake
from omibackend.accounts.models import User
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Effect

T0 = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
UID = "WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1"


def person(email: str = "ann@example.com") -> User:
    return User.objects.create(email=email, password="!")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def said(
    text: str, start_s: float | None = None, end_s: float | None = None, **more: Any
) -> Segment:
    end_s = start_s + 1 if end_s is None and start_s is not None else end_s
    more = {"speaker": "SPEAKER_00", "is_user": True, **more}
    return Segment(more.pop("key", uuid7().hex), text, start_s=start_s, end_s=end_s, **more)


def batch(owner: User | int, *segments: Segment, heard_s: float = 0.0, **more: Any) -> Batch:
    return Batch(
        owner_id=owner if isinstance(owner, int) else owner.pk,
        uid=more.get("uid", UID),
        sender_session_id=more.get("sender_session_id"),
        segments=segments,
        delivery_id=more.get("delivery_id") or uuid7(),
        received_at=at(heard_s),
    )


def transcript(session: OmiSession) -> list[str]:
    rows = TranscriptSegment.objects.filter(session=session).in_order()
    return [row.text for row in rows]


def transcripts() -> list[list[str]]:
    return sorted(transcript(session) for session in OmiSession.objects.all())


def timeless(reply: str | None) -> str:
    """A framed reply without the minute that it was given in."""
    return re.sub(r"^\[[0-2][0-9]:[0-5][0-9] ", "[now ", reply or "")


def detect_in_job(batches: Sequence[Batch]) -> bool:
    """As a worker does it: in the transaction that also ends the job."""
    with transaction.atomic():
        return intake.detect_in_job(batches)


def add_batches(batches: Sequence[Batch]) -> dict[UUID, list[Effect]]:
    """In a transaction, as the job does."""
    with transaction.atomic():
        return ingest.add_batches(batches)
