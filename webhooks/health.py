"""How an endpoint is doing: when it was last heard of, what failed, what was refused in a row."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from omibackend.core.redis import soft_redis
from omibackend.core.show.human import several
from webhooks.inbox import refusals
from webhooks.models import Endpoint
from webhooks.providers.registry import PROVIDERS

LOOKED_BACK = 200
# The share of the failures in a row that make a sender give up.
NEAR = 0.2

NEWEST = """
SELECT e.id, d.received_at, d.signature, d.last_error, f.last_error, f.received_at
FROM unnest(%s::uuid[]) AS e(id)
LEFT JOIN LATERAL (
    SELECT received_at, signature, last_error FROM webhooks_delivery
    WHERE endpoint_id = e.id ORDER BY id DESC LIMIT 1
) d ON true
LEFT JOIN LATERAL (
    SELECT received_at, last_error FROM (
        SELECT id, received_at, last_error FROM webhooks_delivery
        WHERE endpoint_id = e.id ORDER BY id DESC LIMIT %s
    ) newest
    WHERE last_error <> '' ORDER BY id DESC LIMIT 1
) f ON true
"""


class EndpointState(StrEnum):
    OFF = "off"
    AT_RISK = "at_risk"
    REFUSED = "refused"
    UNUSED = "unused"
    FAILING = "failing"
    ROTATING = "rotating"
    FINE = "fine"


def of(endpoints: Sequence[Endpoint]) -> dict[UUID, dict[str, Any]]:
    """In one statement for all of them."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [[str(row.pk) for row in endpoints], LOOKED_BACK])
        newest = {row[0]: row[1:] for row in cursor}
    return {row.pk: _health(row, *newest[row.pk]) for row in endpoints}


def _health(
    endpoint: Endpoint,
    last_at: datetime | None,
    signature: str | None,
    newest_error: str | None,
    last_error: str | None,
    last_error_at: datetime | None,
) -> dict[str, Any]:
    failures = refusals.running_failures(endpoint.pk, since=last_at)
    state, words = judge(endpoint, last_at=last_at, newest_error=newest_error, failures=failures)
    return {
        "state": state,
        "words": words,
        "last_delivery_at": last_at,
        "last_signature": signature or "",
        "last_error": last_error or "",
        "last_error_at": last_error_at,
        "running_failures": failures,
        "sender_may_switch_off": state == EndpointState.AT_RISK,
    }


def judge(
    endpoint: Endpoint, *, last_at: datetime | None, newest_error: str | None, failures: int
) -> tuple[EndpointState, str]:
    refused = f"refused {several(failures, 'time')} in a row"
    if not endpoint.enabled:
        return EndpointState.OFF, "switched off"
    if is_near(endpoint, failures):
        return EndpointState.AT_RISK, refused
    if failures:
        return EndpointState.REFUSED, refused
    if last_at is None:
        return EndpointState.UNUSED, "nothing yet"
    if newest_error:
        return EndpointState.FAILING, "last one failed"
    if endpoint.accepts_previous_secret:
        return EndpointState.ROTATING, "two secrets"
    if endpoint.accepts_previous_token:
        return EndpointState.ROTATING, "two tokens"
    return EndpointState.FINE, "fine"


def is_near(endpoint: Endpoint, failures: int) -> bool:
    """Whether the sender may soon switch this endpoint off by itself."""
    provider = PROVIDERS.get(endpoint.provider)
    limit = provider.gives_up_after if provider else None
    return limit is not None and failures >= limit * NEAR


def counted(endpoint: Endpoint) -> list[dict[str, Any]]:
    """What is counted and not stored: streams of audio."""
    found: Any = soft_redis.try_command(lambda redis: redis.hgetall(f"counted:{endpoint.pk}")) or {}
    numbers = {name.decode(): int(number) for name, number in found.items()}
    events = sorted({name.rpartition(":")[0] for name in numbers})
    return [
        {
            "event": event,
            "requests": numbers.get(f"{event}:requests", 0),
            "body_bytes": numbers.get(f"{event}:bytes", 0),
        }
        for event in events
    ]
