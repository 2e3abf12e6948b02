"""What Omi says of a conversation or a day, as our memories take it."""

import base64
import binascii
from datetime import datetime

from memories.saving.incoming import (
    IncomingActionItem,
    IncomingEvent,
    IncomingMemory,
    IncomingPhoto,
)
from webhooks.providers.omi import payloads as shapes
from webhooks.providers.omi.events import OmiEvent


def memory_of(event: OmiEvent, conversation: shapes.ConversationPayload) -> IncomingMemory:
    structured, words = conversation.structured, event.told_words
    results = (
        conversation.apps_results or conversation.apps_response or conversation.plugins_results
    )
    return IncomingMemory(
        kind="conversation",
        source=(conversation.source or "omi")[:40],
        source_id=conversation.id,
        title=structured.title[:500],
        text=structured.overview,
        category=(structured.category or "other")[:40],
        emoji=structured.emoji[:16],
        language=(conversation.language or "")[:16],
        occurred_at=conversation.started_at or conversation.created_at or event.received_at,
        finished_at=conversation.finished_at,
        action_items=tuple(_item(item) for item in structured.action_items if item.is_told),
        events=tuple(_event(found, found.start) for found in structured.events if found.start),
        photos=tuple(_photo(photo) for photo in conversation.photos if not photo.discarded),
        details={
            "sections": [section.model_dump(mode="json") for section in structured.sections],
            "app_results": [result.model_dump(mode="json") for result in results],
            "address": conversation.geolocation.address if conversation.geolocation else "",
        },
        segment_keys=tuple(segment.key for segment in words),
        quote=" ".join(segment.text for segment in words)[:2000],
    )


def _item(item: shapes.ActionItemPayload) -> IncomingActionItem:
    return IncomingActionItem(
        description=item.description.strip(),
        completed=item.completed,
        completed_at=item.completed_at,
        due_at=item.due_at,
    )


def _event(event: shapes.EventPayload, starts_at: datetime) -> IncomingEvent:
    return IncomingEvent(
        title=event.title[:500],
        description=event.description,
        starts_at=starts_at,
        duration_minutes=event.duration,
    )


def _photo(photo: shapes.PhotoPayload) -> IncomingPhoto:
    _, _, encoded = photo.base64.rpartition(",")  # also takes a data: URL
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    return IncomingPhoto(
        source_id=photo.id,
        description=photo.description,
        taken_at=photo.created_at,
        content=content,
    )


def memory_of_day(event: OmiEvent, summary: shapes.DaySummary) -> IncomingMemory:
    """The day's summary is a memory of its own kind. Its action items are those of its
    conversations again, so none are made."""
    parts = {
        "highlights": summary.highlights,
        "decisions": summary.decisions_made,
        "unresolved_questions": summary.unresolved_questions,
        "knowledge_nuggets": summary.knowledge_nuggets,
    }
    told = {name: [part.model_dump(mode="json") for part in found] for name, found in parts.items()}
    return IncomingMemory(
        kind="day_summary",
        source="omi_day_summary",
        source_id=summary.id or summary.date,
        title=summary.headline[:500],
        text=summary.overview,
        category="daily",
        emoji=summary.day_emoji[:16],
        occurred_at=summary.created_at or event.received_at,
        details={"date": summary.date, **told},
    )
