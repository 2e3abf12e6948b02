"""Requests that were refused: counted, not stored. A masked sample stays on the endpoint's page."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from omibackend.core.errors import Refused
from omibackend.core.redis import soft_redis
from omibackend.core.request_id import current_request_id
from webhooks.inbox.provider import Incoming

SAMPLES = 5
# Omi switches a developer webhook off after 100 failures in a row.
TIMES_KEPT = 200
KEPT_S = 30 * 86_400


@dataclass(frozen=True)
class Refusal:
    at: datetime
    status: int
    code: str
    detail: str
    request_id: str
    content_type: str
    body_bytes: int
    headers: dict[str, str]


def note(endpoint_id: UUID | None, refused: Refused, incoming: Incoming | None) -> None:
    """Counts a refusal; of a known endpoint it also keeps a sample without its body."""
    soft_redis.try_command(lambda redis: redis.hincrby("refused", refused.code, 1))
    if endpoint_id is None:
        return
    now_s = time.time()
    sample = {
        "at": now_s,
        "status": refused.status,
        "code": refused.code,
        "detail": refused.detail,
        "request_id": current_request_id(),
        "content_type": incoming.content_type if incoming else "",
        "body_bytes": len(incoming.body) if incoming else 0,
        "headers": dict(incoming.headers) if incoming else {},
    }
    samples, times = f"refused:{endpoint_id}", f"refused_at:{endpoint_id}"
    soft_redis.pipeline(
        lambda pipe: (
            pipe.lpush(samples, orjson.dumps(sample)),
            pipe.ltrim(samples, 0, SAMPLES - 1),
            pipe.expire(samples, KEPT_S),
            pipe.lpush(times, now_s),
            pipe.ltrim(times, 0, TIMES_KEPT - 1),
            pipe.expire(times, KEPT_S),
        )
    )


def forget(endpoint_ids: Sequence[UUID]) -> None:
    """Fails without Redis: whoever erases a person must know."""
    keys = [f"{name}:{pk}" for pk in endpoint_ids for name in ("refused", "refused_at")]
    if keys:
        soft_redis.client().delete(*keys)


def _noted(key: str) -> list[Any]:
    return soft_redis.try_command(lambda redis: redis.lrange(key, 0, -1)) or []


def samples(endpoint_id: UUID) -> list[Refusal]:
    rows = [orjson.loads(item) for item in _noted(f"refused:{endpoint_id}")]
    return [Refusal(**{**row, "at": datetime.fromtimestamp(row["at"], UTC)}) for row in rows]


def running_failures(endpoint_id: UUID, *, since: datetime | None) -> int:
    """How many requests in a row were refused since the last accepted one (at most 200)."""
    floor_s = since.timestamp() if since else 0.0
    return sum(float(at) > floor_s for at in _noted(f"refused_at:{endpoint_id}"))
