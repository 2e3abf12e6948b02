"""What Omi's deliveries become: transcripts, memories, action items, events."""

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import transaction
from pydantic import ValidationError

from conversations.segments import Batch, Segment
from conversations.transcripts import deletion, ingest
from conversations.transcripts.finalise import replace_transcript
from conversations.voice import intake, playback
from memories.saving.incoming import (
    IncomingActionItem,
    IncomingEvent,
    IncomingMemory,
    IncomingPhoto,
)
from memories.saving.parts import How, entry
from memories.saving.writing import save_memory
from omibackend.core.errors import SetAside, describe
from omibackend.core.work import lanes
from omibackend.core.work.leased import Became
from omibackend.prompts import planning
from webhooks.models import Delivery
from webhooks.providers.omi import payloads as shapes
from webhooks.providers.omi import shared
from webhooks.providers.omi.events import COMBINED, DAY_SUMMARY, REALTIME
from webhooks.providers.omi.words import batch_of, segments_of, uid_of


def handle_many(deliveries: Sequence[Delivery]) -> dict[UUID, Became]:
    """Transcripts of many deliveries in a few statements. Anything else, and what does not
    parse, is left out of a bulk and worked alone: memories take locks of their own."""
    owners = shared.owners_of(deliveries)
    if len(deliveries) == 1:
        alone = _handle(deliveries[0], owners.get(deliveries[0].pk))
        return _prompt(deliveries, owners, {deliveries[0].pk: alone})
    batches = []
    for delivery in deliveries:
        if delivery.event == REALTIME and delivery.pk in owners:
            with suppress(ValidationError):
                batches.append(_stored_batch(delivery, owners[delivery.pk]))
    return _prompt(deliveries, owners, _hear(batches))


def _prompt(
    deliveries: Sequence[Delivery], owners: dict[UUID, int], became: dict[UUID, Became]
) -> dict[UUID, Became]:
    """The runs of prompts that this sets off, in the same transaction. They come last in the
    order of the locks."""
    if not settings.ENABLE_PROMPT_WORKERS:
        return became
    happened = [
        planning.Happened(
            person_id=owners[delivery.pk],
            delivery_id=delivery.pk,
            became=became[delivery.pk],
            live=delivery.event == REALTIME,
        )
        for delivery in deliveries
        if became.get(delivery.pk)
    ]
    runs = planning.after_deliveries(happened) if happened else []
    for run in runs:
        if run.delivery_id:
            became[run.delivery_id].append(
                {"kind": "prompt_run", "id": str(run.pk), "how": "created"}
            )
    if runs:
        transaction.on_commit(partial(lanes.wake, "ai"))
    return became


def _handle(delivery: Delivery, owner_id: int | None) -> Became:
    """One delivery of any event. Memories come before words in every transaction: two that
    took these locks in different orders would wait for each other."""
    if owner_id is None:
        return shared.set_aside(delivery)
    became: Became = []
    try:
        if delivery.event != REALTIME:
            became += _remember(delivery, owner_id)
        if delivery.event in (REALTIME, COMBINED):
            became += _hear([_stored_batch(delivery, owner_id)])[delivery.pk]
    except ValidationError as error:
        raise SetAside(describe(error)) from error
    return became


def _hear(batches: Sequence[Batch]) -> dict[UUID, Became]:
    became = ingest.add_batches(batches)
    playback.flag_live(batches, became)
    if settings.ENABLE_CONTEXT_ACTIVATION and intake.detect_in_job(batches):
        transaction.on_commit(partial(lanes.wake, "ai"))
    return became


def _stored_batch(delivery: Delivery, owner_id: int) -> Batch:
    return batch_of(
        orjson.loads(delivery.raw()),
        query=delivery.query,
        owner_id=owner_id,
        delivery_id=delivery.pk,
        received_at=delivery.received_at,
    )


def _remember(delivery: Delivery, owner_id: int) -> Became:
    payload = orjson.loads(delivery.raw())
    if delivery.event == DAY_SUMMARY:
        summary = shapes.DaySummary.model_validate(payload["summary_json"])
        return _day_summary(delivery, owner_id, summary)
    return _conversation(
        delivery, owner_id, payload, shapes.ConversationPayload.model_validate(payload)
    )


def _conversation(
    delivery: Delivery,
    owner_id: int,
    payload: dict[str, Any],
    conversation: shapes.ConversationPayload,
) -> Became:
    """A memory, and the final transcript in place of the live one.

    A discarded conversation is one that Omi found nothing in: its words replace the live
    ones, and no memory is made of it. Nor is one made of our own words heard again.
    """
    uid = uid_of(payload, delivery.query)
    became: Became = []
    segments = segments_of(conversation.transcript_segments, origin=conversation.id or delivery.pk)
    if conversation.id is not None and deletion.was_deleted(
        owner_id=owner_id,
        uid=uid,
        conversation_id=conversation.id,
        started_at=conversation.started_at,
        segments=segments,
    ):
        return list(ingest.DELETED_BEFORE)
    words = segments
    if not words and delivery.event == COMBINED:
        words = _stored_batch(delivery, owner_id).segments
    heard = playback.playback_in(
        Batch(owner_id, uid, None, words, delivery.pk, delivery.received_at),
        began_at=conversation.started_at,
    )
    if heard.adds_nothing(conversation.structured.overview):
        became.append(entry("memory", "", How.PLAYBACK))
    elif not conversation.discarded:
        became += save_memory(
            owner_id=owner_id,
            incoming=_memory(conversation, words, delivery.received_at),
            delivery_id=delivery.pk,
        )
    if conversation.id is not None and (segments or not conversation.discarded):
        became += replace_transcript(
            owner_id=owner_id,
            uid=uid,
            conversation_id=conversation.id,
            title=conversation.structured.title[:200],
            language=(conversation.language or "")[:16],
            started_at=conversation.started_at,
            finished_at=conversation.finished_at,
            segments=segments,
            delivery_id=delivery.pk,
        )
        playback.flag(heard, became)
    return became


def _memory(
    conversation: shapes.ConversationPayload, segments: tuple[Segment, ...], received_at: datetime
) -> IncomingMemory:
    structured = conversation.structured
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
        occurred_at=conversation.started_at or conversation.created_at or received_at,
        finished_at=conversation.finished_at,
        action_items=tuple(
            IncomingActionItem(
                description=item.description.strip(),
                completed=item.completed,
                completed_at=item.completed_at,
                due_at=item.due_at,
            )
            for item in structured.action_items
            if item.description.strip()
        ),
        events=tuple(
            IncomingEvent(
                title=event.title[:500],
                description=event.description,
                starts_at=event.start,
                duration_minutes=event.duration,
            )
            for event in structured.events
            if event.start
        ),
        photos=tuple(_photo(photo) for photo in conversation.photos if not photo.discarded),
        details={
            "sections": [section.model_dump(mode="json") for section in structured.sections],
            "app_results": [result.model_dump(mode="json") for result in results],
            "address": conversation.geolocation.address if conversation.geolocation else "",
        },
        segment_keys=tuple(segment.key for segment in segments),
        quote=" ".join(segment.text for segment in segments)[:2000],
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


def _day_summary(delivery: Delivery, owner_id: int, summary: shapes.DaySummary) -> Became:
    """The day's summary is a memory of its own kind. Its action items are those of its
    conversations again, so none are made."""
    parts = {
        "highlights": summary.highlights,
        "decisions": summary.decisions_made,
        "unresolved_questions": summary.unresolved_questions,
        "knowledge_nuggets": summary.knowledge_nuggets,
    }
    incoming = IncomingMemory(
        kind="day_summary",
        source="omi_day_summary",
        source_id=summary.id or summary.date,
        title=summary.headline[:500],
        text=summary.overview,
        category="daily",
        emoji=summary.day_emoji[:16],
        language="",
        occurred_at=summary.created_at or delivery.received_at,
        finished_at=None,
        action_items=(),
        events=(),
        photos=(),
        details={
            "date": summary.date,
            **{
                name: [item.model_dump(mode="json") for item in items]
                for name, items in parts.items()
            },
        },
        segment_keys=(),
        quote="",
    )
    return save_memory(owner_id=owner_id, incoming=incoming, delivery_id=delivery.pk)
