"""Omi's events: their names, as they stand on a delivery, and one of them read whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from conversations.segments import Batch, Segment
from webhooks.models import Delivery
from webhooks.providers.omi import payloads as shapes
from webhooks.providers.omi.words import batch_of, segments_of

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
    live: Batch | None = None
    conversation: shapes.ConversationPayload | None = None
    final: tuple[Segment, ...] = ()
    day: shapes.DaySummary | None = None

    @classmethod
    def of(cls, delivery: Delivery, owner_id: int) -> "OmiEvent":
        """Raises ValidationError."""
        payload = orjson.loads(delivery.raw())
        said = batch_of(
            payload,
            query=delivery.query,
            owner_id=owner_id,
            delivery_id=delivery.pk,
            received_at=delivery.received_at,
        )
        event = (delivery.pk, owner_id, said.uid, delivery.received_at)
        if delivery.event == REALTIME:
            return cls(*event, live=said)
        if delivery.event == DAY_SUMMARY:
            return cls(*event, day=shapes.DaySummary.model_validate(payload["summary_json"]))
        conversation = shapes.ConversationPayload.model_validate(payload)
        final = segments_of(conversation.transcript_segments, origin=conversation.id or delivery.pk)
        live = said if delivery.event == COMBINED else None
        return cls(*event, live=live, conversation=conversation, final=final)

    @property
    def told_words(self) -> Sequence[Segment]:
        """The words that a memory rests on."""
        return self.final or (self.live.segments if self.live else ())

    @property
    def words(self) -> Batch:
        """All that it says."""
        live = self.live.segments if self.live else ()
        said = {segment.key: segment for segment in (*live, *self.final)}
        return Batch(
            self.owner_id,
            self.uid,
            None,
            tuple(said.values()),
            self.delivery_id,
            self.received_at,
        )

    @property
    def began_at(self) -> datetime | None:
        """As a finished conversation says."""
        return self.conversation.started_at if self.conversation else None
