"""Omi, the wearable: realtime transcripts, memories, day summaries, audio.

What Omi reads back (https://docs.omi.me/doc/developer/apps/Integrations): the status must be
exactly 200 and the body a JSON object; a `message` of more than five characters is pushed to
the phone. So an answer is `{}` unless there is a real reply.
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel, ValidationError

import memories.services
from conversations import listening, replies, sessions
from memories.services import IncomingActionItem, IncomingEvent, IncomingMemory, IncomingPhoto
from omibackend.accounts.services import preferences_of
from omibackend.core.errors import Refused, SetAside, describe
from omibackend.core.leased import Became
from webhooks import signatures
from webhooks.endpoints import KnownEndpoint
from webhooks.models import Delivery
from webhooks.providers import omi_payloads as shapes
from webhooks.providers.base import Incoming, Parsed, Provider, Sample, Stored, parse_json
from webhooks.signatures import Verdict

SIGNATURE = "x-omi-signature"
REALTIME, MEMORY, COMBINED = "realtime_transcript", "memory_created", "combined"
DAY_SUMMARY, AUDIO = "day_summary", "audio_bytes"
NOTHING_TO_DO = "nothing_to_do"


def is_signed(incoming: Incoming) -> bool:
    return SIGNATURE in incoming.headers


def verify(incoming: Incoming, secrets: Sequence[str]) -> Verdict:
    return signatures.omi_v1(
        incoming.headers[SIGNATURE],
        uid=incoming.query.get("uid", ""),
        body=incoming.body,
        secrets=secrets,
        now_s=datetime.now(UTC).timestamp(),
    )


def parse(incoming: Incoming) -> Parsed:
    if incoming.content_type == "application/octet-stream":
        return Parsed(AUDIO, counted=True)
    payload = parse_json(incoming.body)
    event = event_of(payload, incoming)
    headers = incoming.headers
    return Parsed(
        event=event or headers.get("x-omi-event", NOTHING_TO_DO)[:40],
        payload=payload,
        dedup_key=headers.get("idempotency-key") or headers.get("x-omi-delivery") or None,
        ignored=event is None,
    )


def event_of(payload: Any, incoming: Incoming) -> str | None:
    """Which of Omi's events a body is, by its shape; None: one that we do not use."""
    if isinstance(payload, list):
        return REALTIME
    if not isinstance(payload, dict):
        raise Refused(400, "unrecognised", "Omi sends a JSON object or a list of segments.")
    if isinstance(payload.get("structured"), dict):
        return COMBINED if "segments" in payload else MEMORY
    if isinstance(payload.get("segments"), list):
        return REALTIME
    if isinstance(payload.get("summary_json"), dict):
        return DAY_SUMMARY
    if "x-omi-event" in incoming.headers or (
        "segments" not in payload and incoming.query.get("session_id")
    ):
        return None
    raise Refused(
        400,
        "unrecognised",
        "None of Omi's payloads: expected `segments`, `structured` or `summary_json`.",
    )


# --- the answer ---------------------------------------------------------------


def respond(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored | None
) -> HttpResponse:
    answer: dict[str, Any] = {}
    if stored and not stored.fresh:
        answer["duplicate"] = True
        message = replies.spoken_for(stored.id)
    elif stored and parsed.event in (REALTIME, COMBINED):
        message = reply(endpoint, incoming, parsed, stored)
    else:
        message = None
    if message:
        answer["message"] = message
    response = HttpResponse(orjson.dumps(answer), content_type="application/json")
    if stored:
        response["X-Delivery-ID"] = str(stored.id)
    return response


def reply(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored
) -> str | None:
    """The spoken question's answer if these words complete one and it is ready in time.

    The delivery is stored and its job is on the way: what fails here is done by that job.
    """
    if not settings.ENABLE_CONTEXT_ACTIVATION:
        return None
    segments = _raw_segments(parsed.payload)
    if not listening.could_matter(
        endpoint.owner_id, _uid(parsed.payload, incoming.query), segments
    ):
        return None
    batch = batch_of(
        parsed.payload,
        query=incoming.query,
        owner_id=endpoint.owner_id,
        delivery_id=stored.id,
        received_at=datetime.now(UTC),
    )
    question = listening.hear_now(batch, preferences_of(endpoint.owner_id))
    if question is None:
        return None
    return replies.answer_now(question, budget_s=settings.OMI_REPLY_BUDGET_MS / 1000)


def check(request: HttpRequest) -> HttpResponse:
    """Omi's "Setup completed" URL."""
    return HttpResponse(b'{"is_setup_completed":true}', content_type="application/json")


# --- the work -----------------------------------------------------------------


def handle_many(deliveries: Sequence[Delivery]) -> dict[UUID, Became]:
    """Transcripts of many deliveries in a few statements. Anything else, and what does not
    parse, is left out of a bulk and worked alone: memories take locks of their own."""
    alone = len(deliveries) == 1
    batches = []
    for delivery in deliveries:
        if delivery.event not in (REALTIME, COMBINED) or (delivery.event == COMBINED and not alone):
            continue
        try:
            batches.append(_stored_batch(delivery))
        except ValidationError as error:
            if alone:
                raise SetAside(describe(error)) from error
    became = sessions.add_batches(batches)
    if settings.ENABLE_CONTEXT_ACTIVATION:
        listening.hear_later(batches)
    if alone and deliveries[0].event != REALTIME:
        delivery = deliveries[0]
        became[delivery.pk] = became.get(delivery.pk, []) + _remember(delivery)
    return became


def _stored_batch(delivery: Delivery) -> sessions.Batch:
    return batch_of(
        orjson.loads(delivery.raw()),
        query=delivery.query,
        owner_id=delivery.endpoint.owner_id,
        delivery_id=delivery.pk,
        received_at=delivery.received_at,
    )


def _remember(delivery: Delivery) -> Became:
    payload = orjson.loads(delivery.raw())
    try:
        if delivery.event == DAY_SUMMARY:
            return _day_summary(delivery, shapes.DaySummary.model_validate(payload["summary_json"]))
        return _conversation(delivery, payload, shapes.Conversation.model_validate(payload))
    except ValidationError as error:
        raise SetAside(describe(error)) from error


def _conversation(
    delivery: Delivery, payload: dict[str, Any], conversation: shapes.Conversation
) -> Became:
    """A memory, and the final transcript in place of the live one.

    A discarded conversation is one that Omi found nothing in: its words replace the live
    ones, and no memory is made of it.
    """
    owner_id = delivery.endpoint.owner_id
    became: Became = []
    segments = tuple(
        _segment(item) for item in conversation.transcript_segments if item.text.strip()
    )
    if not conversation.discarded:
        became += memories.services.save_memory(
            owner_id=owner_id,
            incoming=_memory(conversation, segments, delivery.received_at),
            delivery_id=delivery.pk,
        )
    if conversation.id is not None and (segments or not conversation.discarded):
        became += sessions.replace_transcript(
            owner_id=owner_id,
            uid=_uid(payload, delivery.query),
            conversation_id=conversation.id,
            title=conversation.structured.title[:200],
            language=(conversation.language or "")[:16],
            started_at=conversation.started_at,
            finished_at=conversation.finished_at,
            segments=segments,
            delivery_id=delivery.pk,
        )
    return became


def _memory(
    conversation: shapes.Conversation, segments: tuple[sessions.Segment, ...], received_at: datetime
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


def _photo(photo: shapes.Photo) -> IncomingPhoto:
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


def _day_summary(delivery: Delivery, summary: shapes.DaySummary) -> Became:
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
    return memories.services.save_memory(
        owner_id=delivery.endpoint.owner_id, incoming=incoming, delivery_id=delivery.pk
    )


# --- segments -----------------------------------------------------------------


class _Segments(BaseModel):
    segments: list[shapes.Segment]


def batch_of(
    payload: Any,
    *,
    query: Any,
    owner_id: int,
    delivery_id: UUID,
    received_at: datetime,
) -> sessions.Batch:
    """The words of a realtime transcript: an object with `segments`, or the bare list."""
    uid = _uid(payload, query)
    session_id = _session_id(payload, query)
    found = _Segments.model_validate({"segments": _raw_segments(payload)}).segments
    return sessions.Batch(
        owner_id=owner_id,
        uid=uid,
        # Omi's own session_id is always the uid. Another one names a session for good.
        sender_session_id=session_id if session_id != uid else None,
        segments=tuple(_segment(item) for item in found if item.text.strip()),
        delivery_id=delivery_id,
        received_at=received_at,
    )


def _raw_segments(payload: Any) -> list[Any]:
    found = payload if isinstance(payload, list) else payload.get("segments")
    return found if isinstance(found, list) else []


def _segment(item: shapes.Segment) -> sessions.Segment:
    return sessions.Segment.of(
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


def _uid(payload: Any, query: Any) -> str:
    body = payload if isinstance(payload, dict) else {}
    return _identifier(query.get("uid") or body.get("uid") or body.get("session_id"))


def _session_id(payload: Any, query: Any) -> str | None:
    body = payload if isinstance(payload, dict) else {}
    return _identifier(body.get("session_id") or query.get("session_id")) or None


def _identifier(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) else ""
    return text.replace("\x00", "\ufffd").strip()[:128]


# --- samples ------------------------------------------------------------------


def samples() -> list[Sample]:
    """A conversation with a spoken question, the memory that Omi makes of it, and the day."""
    uid = "demo-wearable"
    now = datetime.now(UTC)
    begun = now - timedelta(minutes=9)
    lines = [
        (0, True, "Did you ever hear back from the place by the river?"),
        (
            5,
            False,
            "They called on Monday. The Tuesday slot is still free, but they want the deposit first.",
        ),
        (13, True, "How much was it again?"),
        (15, False, "Four hundred, I think. It's in the mail from last week."),
        (149, True, "So I think the deposit is due on Friday. Hey"),
        (152, True, "Omi, what did Sarah say about the venue?"),
        (160, False, "She said Tuesday."),
        (163, True, "Right. Then I'll pay it tonight and ask the caterer for a quote."),
    ]
    spoken = [
        {
            "id": str(uuid4()),
            "text": text,
            "speaker": "SPEAKER_00" if is_user else "SPEAKER_01",
            "speaker_id": 0 if is_user else 1,
            "speaker_name": "You" if is_user else "Sarah",
            "is_user": is_user,
            "person_id": None,
            "start": 390.0 + at_s,
            "end": 390.0 + at_s + max(1.5, len(text) / 16),
        }
        for at_s, is_user, text in lines
    ]
    memory = {
        "id": str(uuid4()),
        "created_at": now.isoformat(),
        "started_at": begun.isoformat(),
        "finished_at": now.isoformat(),
        "source": "omi",
        "language": "en",
        "structured": {
            "title": "Wedding Venue Deposit",
            "overview": "You and Sarah agreed to pay the venue deposit by Friday and confirm the date "
            "for Tuesday. You still need a quote from the caterer.",
            "emoji": "💒",
            "category": "family",
            "action_items": [
                {
                    "description": "Pay the venue deposit",
                    "completed": False,
                    "due_at": (now + timedelta(days=5)).isoformat(),
                },
                {"description": "Ask the caterer for a quote", "completed": False},
            ],
            "events": [
                {
                    "title": "Venue visit",
                    "description": "Visit the venue with Sarah",
                    "start": (now + timedelta(days=2)).isoformat(),
                    "duration": 60,
                }
            ],
        },
        "transcript_segments": spoken,
        "discarded": False,
    }
    earlier = {
        **memory,
        "id": str(uuid4()),
        "started_at": (begun - timedelta(days=1)).isoformat(),
        "finished_at": (begun - timedelta(days=1) + timedelta(minutes=6)).isoformat(),
        "structured": {
            "title": "Sarah called about the venue",
            "overview": "Sarah said that the venue by the river is free on Tuesday and wants a deposit of 400.",
            "emoji": "📞",
            "category": "family",
            "action_items": [],
            "events": [],
        },
        "transcript_segments": [],
    }
    day = {
        "uid": uid,
        "created_at": now.isoformat(),
        "summary_json": {
            "id": str(uuid4()),
            "date": now.date().isoformat(),
            "created_at": now.replace(tzinfo=None).isoformat(),
            "headline": "Venue settled, caterer open",
            "overview": "You settled the venue and started on catering.",
            "day_emoji": "💒",
            "highlights": [{"topic": "Venue", "emoji": "💒", "summary": "Deposit due Friday."}],
            "unresolved_questions": [{"question": "Which caterer?"}],
        },
    }
    live = [spoken[:2], spoken[2:4], spoken[4:7], spoken[7:]]
    bodies = [
        earlier,
        *({"segments": part, "session_id": uid} for part in live),
        memory,
        day,
    ]
    return [Sample(body, {"uid": uid}, {"Idempotency-Key": str(uuid4())}) for body in bodies]


OMI = Provider(
    name="omi",
    label="Omi",
    icon="mic",
    content_types=("application/json", "application/octet-stream"),
    is_signed=is_signed,
    verify=verify,
    parse=parse,
    handle_many=handle_many,
    respond=respond,
    check=check,
    samples=samples,
    gives_up="Omi switches a developer webhook off after 100 failures in a row.",
    gives_up_after=100,
)
