"""What the API's documentation shows."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

_ID = "01a20189-7a7b-74c4-8307-6e48e4c87c11"
_MEMORY = "01a20189-9c02-7d10-9a6e-0c1b6e2f6d55"
_AT = "2026-11-20T14:06:30Z"
_URL = "https://omi.example.org"

_CONVERSATION: dict[str, Any] = {
    "id": _ID,
    "kind": "omi",
    "title": "Wedding Venue Deposit",
    "started_at": "2026-11-20T14:00:00Z",
    "last_message_at": _AT,
    "session_id": _ID,
    "transcript": f"{_URL}/transcript/{_ID}",
}
_SOURCE = {
    "type": "memory",
    "id": _MEMORY,
    "quote": "Sarah called about the venue",
    "occurred_at": "2026-11-19T14:00:00Z",
}


def _answer(value: Any) -> OpenApiExample:
    return OpenApiExample("An answer", value, response_only=True, status_codes=["200"])


def _request(value: Any) -> OpenApiExample:
    return OpenApiExample("A request", value, request_only=True)


CONVERSATIONS = _answer(_CONVERSATION)
CONVERSATION = _answer(
    {
        **_CONVERSATION,
        "heard": {
            "segment_count": 8,
            "language": "en",
            "length_s": 388.5,
            "is_final": True,
            "last_received_at": _AT,
        },
        "memory_ids": [_MEMORY],
    }
)
MESSAGES = _answer(
    {
        "id": _MEMORY,
        "role": "assistant",
        "text": "Sarah said that the venue is free on Tuesday.",
        "occurred_at": _AT,
        "sources": [_SOURCE],
    }
)
TRANSCRIPT = OpenApiExample(
    "An answer",
    {
        "session_id": _ID,
        "title": "Wedding Venue Deposit",
        "started_at": "2026-11-20T14:00:00Z",
        "is_final": True,
        "next": None,
        "segments": [
            {
                "id": "9f1c3a52-6a0e-4d6b-9d2f-1d1d2b1f0c55",
                "speaker": "Sarah",
                "is_user": False,
                "text": "They called on Monday.",
                "start_s": 395.0,
                "end_s": 397.5,
                "said_at": "2026-11-20T14:06:35Z",
            }
        ],
    },
    response_only=True,
    status_codes=["200"],
    media_type="application/json",
)
CHAT = _request({"session_id": "web", "message": "What did Sarah say about the venue?"})
CHAT_ANSWER = _answer(
    {
        "response": "Sarah said that the venue is free on Tuesday.",
        "conversation_id": _ID,
        "duplicate": False,
        "sources": [_SOURCE],
    }
)
SWITCH = _request({"session_id": "web", "space": "memories"})
SWITCHED = _answer(
    {
        "success": True,
        "previousSpace": "default",
        "currentSpace": "memories",
        "message": "Switched to memories.",
    }
)
ACTIVATE = _request({"session_id": "web", "slot": 2, "conversation_id": _ID})
STATUS = _answer(
    {
        "space": "memories",
        "pending": None,
        "windows": [
            {
                "slot": slot,
                "active": slot == 2,
                "conversation_id": _ID if slot == 2 else None,
                "title": "Wedding Venue Deposit" if slot == 2 else None,
            }
            for slot in range(1, 6)
        ],
        "initialized": True,
    }
)
