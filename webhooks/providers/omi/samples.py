"""Omi at work, for `up --demo` and the curl that `up` prints."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from webhooks.inbox.provider import Sample

UID = "demo-wearable"
ASKED_EARLIER_S = 390.0
# seconds, whether the wearer speaks, words
LINES = (
    (0, True, "Did you ever hear back from the place by the river?"),
    (5, False, "They called on Monday. The Tuesday slot is free, but they want the deposit first."),
    (13, True, "How much was it again?"),
    (15, False, "Four hundred, I think. It's in the mail from last week."),
    (70, True, "So I think the deposit is due on Friday. Hey"),
    (73, True, "Omi, what did Sarah say about the venue?"),
    (81, False, "She said Tuesday."),
    (84, True, "Right. Then I'll pay it tonight and ask the caterer for a quote."),
)


def first() -> Sample:
    """A spoken question: its answer comes back in the response."""
    text = "Hey Omi, what did Sarah say about the venue?"
    segment = {"text": text, "speaker": "SPEAKER_00", "is_user": True, "start": 0.0, "end": 3.2}
    return Sample({"segments": [segment]}, {"uid": UID}, {})


def samples() -> list[Sample]:
    """A conversation with a spoken question, the memory that Omi makes of it, and the day."""
    now = datetime.now(UTC)
    spoken = _segments()
    live = [spoken[:2], spoken[2:4], spoken[4:7], spoken[7:]]
    bodies = [
        _earlier_memory(now - timedelta(days=1)),
        *({"segments": part, "session_id": UID} for part in live),
        _memory(now, spoken),
        _day_summary(now),
    ]
    return [Sample(body, {"uid": UID}, {"Idempotency-Key": str(uuid4())}) for body in bodies]


def _segments() -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid4()),
            "text": text,
            "speaker": "SPEAKER_00" if is_user else "SPEAKER_01",
            "speaker_id": 0 if is_user else 1,
            "speaker_name": "You" if is_user else "Sarah",
            "is_user": is_user,
            "person_id": None,
            "start": ASKED_EARLIER_S + at_s,
            "end": ASKED_EARLIER_S + at_s + max(1.5, len(text) / 20),
        }
        for at_s, is_user, text in LINES
    ]


def _memory(now: datetime, spoken: list[dict[str, Any]]) -> dict[str, Any]:
    overview = (
        "You and Sarah agreed to pay the venue deposit by Friday and confirm the date for "
        "Tuesday. You still need a quote from the caterer."
    )
    pay = {"description": "Pay the venue deposit", "due_at": (now + timedelta(days=5)).isoformat()}
    visit = {
        "title": "Venue visit",
        "description": "Visit the venue with Sarah",
        "start": (now + timedelta(days=2)).isoformat(),
        "duration": 60,
    }
    return {
        "id": str(uuid4()),
        "created_at": now.isoformat(),
        "started_at": (now - timedelta(minutes=9)).isoformat(),
        "finished_at": now.isoformat(),
        "source": "omi",
        "language": "en",
        "structured": {
            "title": "Wedding Venue Deposit",
            "overview": overview,
            "emoji": "💒",
            "category": "family",
            "action_items": [pay, {"description": "Ask the caterer for a quote"}],
            "events": [visit],
        },
        "transcript_segments": spoken,
        "discarded": False,
    }


def _earlier_memory(at: datetime) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "started_at": at.isoformat(),
        "finished_at": (at + timedelta(minutes=6)).isoformat(),
        "source": "omi",
        "language": "en",
        "structured": {
            "title": "Sarah called about the venue",
            "overview": "Sarah said the venue by the river is free on Tuesday and asks for 400.",
            "emoji": "📞",
            "category": "family",
        },
        "transcript_segments": [],
    }


def _day_summary(now: datetime) -> dict[str, Any]:
    return {
        "uid": UID,
        "created_at": now.isoformat(),
        "summary_json": {
            "id": str(uuid4()),
            "date": now.date().isoformat(),
            "created_at": now.replace(tzinfo=None).isoformat(),
            "headline": "Venue settled, caterer open",
            "overview": "You settled the venue and started on catering.",
            "day_emoji": "💒",
            "highlights": [{"topic": "Venue", "summary": "Deposit due Friday."}],
            "unresolved_questions": [{"question": "Which caterer?"}],
        },
    }
