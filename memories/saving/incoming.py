"""A memory as a sender told it, read and typed by the provider; it has no row yet."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# How much of a sender's loose ends is kept; the delivery holds all of it.
MOST_CHARS = 4000
MOST_ENTRIES = 100
MOST_DEPTH = 5
MOST_QUOTE_CHARS = 4000
MOST_SEGMENT_KEYS = 10_000


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

    @property
    def words(self) -> dict[str, str]:
        """What the owner can edit, as far as there is room for it."""
        return {
            "title": self.title,
            "text": self.text,
            "category": self.category[:40],
            "emoji": self.emoji[:40],
        }

    @property
    def around(self) -> dict[str, Any]:
        """All that the owner cannot edit; what the sender left out is not in it."""
        given = {
            "source": self.source[:40],
            "source_id": self.source_id,
            "language": self.language[:20],
            "finished_at": self.finished_at,
            "segment_keys": list(self.segment_keys[:MOST_SEGMENT_KEYS]),
            "quote": self.quote[:MOST_QUOTE_CHARS],
            "details": bounded(self.details),
        }
        return {name: value for name, value in given.items() if value}


def bounded(value: Any, depth: int = 0) -> Any:
    """JSON cut to a size that a page can show: long text, long lists and deep nests end early."""
    if isinstance(value, str):
        return value[:MOST_CHARS]
    if isinstance(value, dict | list) and depth >= MOST_DEPTH:
        return None
    if isinstance(value, dict):
        kept = list(value.items())[:MOST_ENTRIES]
        return {str(key)[:100]: bounded(item, depth + 1) for key, item in kept}
    if isinstance(value, list | tuple):
        return [bounded(item, depth + 1) for item in value[:MOST_ENTRIES]]
    return value
