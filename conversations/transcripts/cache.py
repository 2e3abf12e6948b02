"""The newest sessions of a wearable, remembered in Redis for a few minutes.

What is remembered may be old: whoever reads it compares versions with PostgreSQL before he
writes. Each write bumps the session that was the newest, so that an old list always shows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from conversations.transcripts.placement import Track
from conversations.transcripts.session_sql import Stream
from omibackend.core.redis import soft_redis

HITS, MISSES = "session_cache:hits", "session_cache:misses"


def _key(place: Stream) -> str:
    name = orjson.dumps([place.owner_id, place.uid, place.sender_session_id])
    return f"session_cache:{blake2b(name, digest_size=16).hexdigest()}"


def recall(places: Sequence[Stream]) -> dict[Stream, list[Track]]:
    held = soft_redis.try_command(lambda redis: redis.mget([_key(place) for place in places]))
    return {place: _tracks(raw) for place, raw in zip(places, held or (), strict=False) if raw}


def remember(lists: Mapping[Stream, Sequence[Track]], *, hits: int, misses: int) -> None:
    """Also counts how often the last `recall` served: one round trip for both."""
    soft_redis.try_command(lambda redis: _remember(redis, lists, hits=hits, misses=misses))


def _remember(
    redis: soft_redis.Client, lists: Mapping[Stream, Sequence[Track]], *, hits: int, misses: int
) -> None:
    pipeline = redis.pipeline(transaction=False)
    pipeline.incrby(HITS, hits)
    pipeline.incrby(MISSES, misses)
    for place, tracks in lists.items():
        value = orjson.dumps([_record(track) for track in tracks])
        pipeline.set(_key(place), value, ex=settings.SESSION_CACHE_TTL_SECONDS)
    pipeline.execute()


def forget(places: Sequence[Stream]) -> None:
    """Fails without Redis: whoever erases a person must know."""
    if places:
        soft_redis.client().delete(*[_key(place) for place in places])


def _record(track: Track) -> list[Any]:
    return [
        track.id,
        track.started_at,
        track.first_received_at,
        track.last_received_at,
        track.min_start_s,
        track.max_end_s,
        track.finalised_at,
        track.version,
    ]


def _tracks(raw: bytes | str) -> list[Track]:
    return [_track(*record) for record in orjson.loads(raw)]


def _track(
    pk: str,
    started_at: str,
    first_received_at: str,
    last_received_at: str,
    min_start_s: float | None,
    max_end_s: float | None,
    finalised_at: str | None,
    version: int,
) -> Track:
    at = datetime.fromisoformat
    return Track(
        id=UUID(pk),
        started_at=at(started_at),
        first_received_at=at(first_received_at),
        last_received_at=at(last_received_at),
        min_start_s=min_start_s,
        max_end_s=max_end_s,
        finalised_at=at(finalised_at) if finalised_at else None,
        version=version,
    )


def cache_counts() -> dict[str, int]:
    """How often the memory served, for the queue's status page."""
    found = soft_redis.try_command(lambda redis: redis.mget([HITS, MISSES])) or [None, None]
    return {"hits": int(found[0] or 0), "misses": int(found[1] or 0)}
