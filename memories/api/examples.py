"""What the API's documentation shows of each route."""

from drf_spectacular.utils import OpenApiExample

ID = "0199f2a4-7c1e-7d3a-9b52-3f6c1f0c8a11"
OTHER = "0199f2b1-02aa-7b10-8f3e-64d0a5e2c9f7"

ACTION_ITEM = {
    "id": "0199f2a4-7c1f-7a02-a1c4-5d2f9e7b6c30",
    "memory": ID,
    "description": "Pay the venue deposit",
    "completed": False,
    "completed_at": None,
    "due_at": "2026-11-22T14:05:00Z",
    "edited": False,
    "created_at": "2026-11-20T14:40:03Z",
    "updated_at": "2026-11-20T14:40:03Z",
}
MEMORY = {
    "id": ID,
    "kind": "conversation",
    "title": "Wedding Venue Deposit",
    "text": "You and Sarah agreed to pay the venue deposit by Friday.",
    "category": "family",
    "emoji": "💒",
    "source": "omi",
    "occurred_at": "2026-11-20T14:05:00Z",
    "created_at": "2026-11-20T14:40:03Z",
    "updated_at": "2026-11-20T14:40:03Z",
    "edited": False,
    "pinned": False,
    "private": False,
    "wrong": False,
    "similar_to": [],
    "action_items": [ACTION_ITEM],
    "events": [
        {
            "id": "0199f2a4-7c20-7f11-8c8f-0a4be1d2f3a4",
            "title": "Venue visit",
            "description": "",
            "starts_at": "2026-11-24T14:05:00Z",
            "duration_minutes": 60,
        }
    ],
}
REVISION = {
    "id": "0199f2c0-51d3-7e44-b0a7-92c7d4e1f5b6",
    "at": "2026-11-21T09:12:44Z",
    "by": "owner",
    "before": {"title": "Venue Deposit"},
}
BULK_RESULT = {
    "preview": True,
    "count": 2,
    "more": False,
    "changed": 0,
    "sample": [
        {"id": ID, "title": "Wedding Venue Deposit", "occurred_at": "2026-11-20T14:05:00Z"},
        {"id": OTHER, "title": "Caterer", "occurred_at": "2026-11-20T15:05:00Z"},
    ],
}


def asked(name: str, value: object) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=True)


def answered(name: str, value: object, status: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[str(status)])


MEMORY_ANSWER = answered("A memory", MEMORY)
MEMORIES = [answered("The newest first", MEMORY)]
CREATE = [
    asked("A note", {"title": "Parking", "text": "Level 3, next to the lift.", "category": "car"}),
    answered("The note", {**MEMORY, "kind": "note", "source": "note"}, 201),
    answered("The same text was there", {**MEMORY, "kind": "note", "source": "note"}, 200),
]
CHANGE = [asked("Corrected and pinned", {"title": "Our venue", "pinned": True}), MEMORY_ANSWER]
HISTORY = [answered("What the title was", REVISION)]
REVERT = [asked("As before that change", {"revision": REVISION["id"]}), MEMORY_ANSWER]
MERGE = [asked("The other is part of this one", {"other": OTHER}), MEMORY_ANSWER]
BULK = [
    asked("See first", {"filter": {"q": "venue"}, "action": "private", "preview": True}),
    asked("Then do", {"filter": {"q": "venue"}, "action": "private", "expected": 2}),
    asked("By id", {"ids": [ID, OTHER], "action": "category", "category": "family"}),
    answered("A preview", BULK_RESULT),
]
EXPORT = [OpenApiExample("json", [MEMORY], media_type="application/json", response_only=True)]
ACTION_ITEMS = [answered("Still to do", ACTION_ITEM)]
ACTION_ITEM_ANSWER = answered("An action item", ACTION_ITEM)
ACTION_ITEM_CHANGE = [asked("Done", {"completed": True}), ACTION_ITEM_ANSWER]
