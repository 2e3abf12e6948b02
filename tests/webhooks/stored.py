"""Deliveries as the receiver would have stored them at another time."""

import hashlib
import random
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from omibackend.core.postgres.ids import first_uuid7
from webhooks.models import Delivery, Endpoint


def stored(endpoint: Endpoint, *, at: datetime | None = None, **fields: Any) -> Delivery:
    """Done, unless said otherwise; its id tells its time, as all ids of deliveries do."""
    at = at or timezone.now()
    body = fields.pop("body", b'{"segments": []}')
    fields = {"state": "done", "attempts": 1, "finished_at": at, **fields}
    return Delivery.objects.create(
        id=UUID(int=first_uuid7(at).int | random.getrandbits(60)),
        endpoint=endpoint,
        event=fields.pop("event", "realtime_transcript"),
        dedup_key=fields.pop("dedup_key", str(uuid4())),
        body=body,
        body_sha256=hashlib.sha256(body or b"").digest(),
        body_bytes=len(body or b""),
        content_type=fields.pop("content_type", "application/json"),
        received_at=at,
        **fields,
    )


def dead(endpoint: Endpoint, **fields: Any) -> Delivery:
    error = fields.pop("last_error", "The model server refused the connection.")
    return stored(endpoint, state="dead", attempts=7, last_error=error, **fields)
