"""What was said, as senders tell it: stretches of speech, and those of one delivery."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

KEY_CHARS = 64


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech. Its key is the sender's id, or made from what was said and when."""

    key: str
    text: str
    speaker: str = ""
    speaker_id: int | None = None
    speaker_name: str = ""
    is_user: bool | None = None
    person_id: str | None = None
    start_s: float | None = None
    end_s: float | None = None

    @classmethod
    def of(
        cls, *, source_id: str | None, text: str, speaker: str, start_s: float | None, **more: Any
    ) -> "Segment":
        """Without an id and a time nothing tells one "yes" from the next: then the key is left
        open, and the segment's place in its delivery makes it (see `keyed`)."""
        key = source_id or ""
        if len(key) > KEY_CHARS:
            key = hashed(key)
        elif not key and start_s is not None:
            key = hashed(start_s, speaker, text)
        return cls(key, text, speaker=speaker, start_s=start_s, **more)


def keyed(segments: Iterable[Segment], origin: UUID | str) -> tuple[Segment, ...]:
    """The same segments, each with a key that only the same delivery repeats, where it has none."""
    return tuple(
        segment if segment.key else replace(segment, key=hashed(origin, place, segment.text))
        for place, segment in enumerate(segments)
    )


def hashed(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Batch:
    owner_id: int
    uid: str
    # None: the sender's session_id says no more than the uid
    sender_session_id: str | None
    segments: tuple[Segment, ...]
    delivery_id: UUID
    received_at: datetime

    def __post_init__(self) -> None:
        if not all(segment.key for segment in self.segments):
            object.__setattr__(self, "segments", keyed(self.segments, self.delivery_id))
