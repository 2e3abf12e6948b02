"""A memory as a sender told it, read and typed by the provider; it has no row yet."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class IncomingActionItem:
    description: str
    completed: bool = False
    completed_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True)
class IncomingEvent:
    title: str
    starts_at: datetime
    description: str = ""
    duration_minutes: int = 30


@dataclass(frozen=True)
class IncomingPhoto:
    """`content` is the decoded picture, or empty when the sender gave none."""

    source_id: str | None
    description: str = ""
    taken_at: datetime | None = None
    content: bytes = b""


@dataclass(frozen=True)
class IncomingMemory:
    """`occurred_at` is when the conversation began or, if the sender does not say, when its
    delivery was received; ids are at most 200 characters."""

    kind: str
    source: str
    occurred_at: datetime
    source_id: str | None = None
    title: str = ""
    text: str = ""
    category: str = ""
    emoji: str = ""
    language: str = ""
    finished_at: datetime | None = None
    action_items: tuple[IncomingActionItem, ...] = ()
    events: tuple[IncomingEvent, ...] = ()
    photos: tuple[IncomingPhoto, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    segment_keys: tuple[str, ...] = ()
    quote: str = ""
