"""Omi's events: their names, as they stand on a delivery, and one of them read whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import orjson

from conversations.segments import Batch, Segment
from webhooks.models import Delivery
from webhooks.providers.omi import payloads as shapes
from webhooks.providers.omi.words import batch_of, segments_of, uid_of

REALTIME = "realtime_transcript"
MEMORY = "memory_created"
COMBINED = "combined"
DAY_SUMMARY = "day_summary"
AUDIO = "audio_bytes"
NOTHING_TO_DO = "nothing_to_do"


@dataclass(frozen=True, slots=True)
class OmiEvent:
    """A delivery as its job works it: decoded and validated once.

    `live` holds the words of a running conversation, `final` those of a finished one; an event
    that tells nothing of a kind has None there, and no words.
    """

    delivery_id: UUID
    owner_id: int
    uid: str
    received_at: datetime
    # All that it says.
    words: Batch
    live: Batch | None = None
    conversation: shapes.ConversationPayload | None = None
    final: tuple[Segment, ...] = ()
    day: shapes.DaySummary | None = None

    @classmethod
    def of(cls, delivery: Delivery, owner_id: int) -> "OmiEvent":
        """Raises ValidationError."""
        payload = orjson.loads(delivery.raw())
        uid, received_at = uid_of(payload, delivery.query), delivery.received_at
        event = (delivery.pk, owner_id, uid, received_at)
        if delivery.event == DAY_SUMMARY:
            day = shapes.DaySummary.model_validate(payload["summary_json"])
            return cls(*event, Batch(owner_id, uid, None, (), delivery.pk, received_at), day=day)
        told = None
        if delivery.event != REALTIME:
            told = shapes.ConversationPayload.model_validate(payload)
        said = batch_of(
            payload,
            query=delivery.query,
            owner_id=owner_id,
            delivery_id=delivery.pk,
            received_at=received_at,
        )
        final = segments_of(told.transcript_segments, origin=told.id or delivery.pk) if told else ()
        words = said if not final else replace(said, segments=_once(said.segments + final))
        live = said if delivery.event in (REALTIME, COMBINED) else None
        return cls(*event, words, live=live, conversation=told, final=final)

    @property
    def told_words(self) -> Sequence[Segment]:
        """The words that a memory rests on."""
        return self.final or (self.live.segments if self.live else ())

    @property
    def began_at(self) -> datetime | None:
        """As a finished conversation says."""
        return self.conversation.started_at if self.conversation else None


def _once(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    return tuple({segment.key: segment for segment in segments}.values())
