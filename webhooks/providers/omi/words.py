"""What was said: Omi's segments as our transcript takes them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from conversations.segments import Batch, Segment, keyed
from omibackend.core.text import storable
from webhooks.providers.omi import payloads as shapes

SEGMENTS = TypeAdapter(list[shapes.SegmentPayload])


def batch_of(
    payload: Any,
    *,
    query: Any,
    owner_id: int,
    delivery_id: UUID,
    received_at: datetime,
) -> Batch:
    """The words of a realtime transcript: an object with `segments`, or the bare list."""
    uid = uid_of(payload, query)
    session_id = _session_id(payload, query)
    found = SEGMENTS.validate_python(raw_segments(payload))
    return Batch(
        owner_id=owner_id,
        uid=uid,
        # Omi's own session_id is always the uid. Another one names a session for good.
        sender_session_id=session_id if session_id != uid else None,
        segments=segments_of(found, origin=delivery_id),
        delivery_id=delivery_id,
        received_at=received_at,
    )


def raw_segments(payload: Any) -> list[Any]:
    found = payload if isinstance(payload, list) else payload.get("segments")
    return found if isinstance(found, list) else []


def segments_of(
    found: Iterable[shapes.SegmentPayload], *, origin: UUID | str
) -> tuple[Segment, ...]:
    """Segments with words. `origin` names those that have neither an id nor a time."""
    said = [
        Segment.of(
            source_id=item.id,
            text=item.text.strip(),
            speaker=item.speaker or "",
            speaker_id=item.speaker_id,
            speaker_name=item.speaker_name or "",
            is_user=item.is_user,
            person_id=item.person_id,
            start_s=item.start,
            end_s=item.end,
        )
        for item in found
        if item.text.strip()
    ]
    return keyed(said, origin)


def uid_of(payload: Any, query: Any) -> str:
    body = payload if isinstance(payload, dict) else {}
    return _identifier(query.get("uid") or body.get("uid") or body.get("session_id"))


def _session_id(payload: Any, query: Any) -> str | None:
    body = payload if isinstance(payload, dict) else {}
    return _identifier(body.get("session_id") or query.get("session_id")) or None


def _identifier(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return storable(text).strip()[:128]
