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
    found = zip(places, held or (), strict=False)
    return {place: list(map(_track, orjson.loads(raw))) for place, raw in found if raw}


def remember(lists: Mapping[Stream, Sequence[Track]], *, hits: int, misses: int) -> None:
    """Also counts how often the last `recall` served: one round trip for both."""

    def write(redis: soft_redis.Client) -> None:
        pipeline = redis.pipeline(transaction=False)
        pipeline.incrby(HITS, hits)
        pipeline.incrby(MISSES, misses)
        for place, tracks in lists.items():
            value = orjson.dumps([list(track.stored().values()) for track in tracks])
            pipeline.set(_key(place), value, ex=settings.SESSION_CACHE_TTL_SECONDS)
        pipeline.execute()

    soft_redis.try_command(write)


def forget(places: Sequence[Stream]) -> None:
    """Fails without Redis: whoever erases a person must know."""
    if places:
        soft_redis.client().delete(*[_key(place) for place in places])


def _track(record: list[Any]) -> Track:
    pk, *moments, min_start_s, max_end_s, finalised_at, version = record
    started_at, first_at, last_at = map(datetime.fromisoformat, moments)
    final_at = datetime.fromisoformat(finalised_at) if finalised_at else None
    return Track(UUID(pk), started_at, first_at, last_at, min_start_s, max_end_s, final_at, version)


def cache_counts() -> dict[str, int]:
    """How often the memory served, for the queue's status page."""
    found = soft_redis.try_command(lambda redis: redis.mget([HITS, MISSES])) or [None, None]
    return {"hits": int(found[0] or 0), "misses": int(found[1] or 0)}
