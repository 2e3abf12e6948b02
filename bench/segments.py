"""100 segments of one delivery: the batch statement against `update_or_create` of each.

Runs beside an installation, whose DATABASE_URL it is given; prints JSON.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import django

SEGMENTS = 100


def main(rounds: int) -> None:
    django.setup()
    print(json.dumps([{"batch_ms": batch(), "each_ms": one_by_one()} for _ in range(rounds)]))


def payload() -> dict[str, Any]:
    return {
        "segments": [
            {
                "id": str(uuid4()),
                "text": f"This is sentence number {number} of what was said today.",
                "speaker": "SPEAKER_00",
                "speaker_id": 0,
                "is_user": True,
                "person_id": None,
                "start": number * 3.0,
                "end": number * 3.0 + 2.5,
            }
            for number in range(SEGMENTS)
        ]
    }


def owner_id() -> int:
    from django.contrib.auth import get_user_model

    return int(get_user_model().objects.values_list("pk", flat=True)[0])


def batch() -> float:
    """As the job does it: the session found or made, the segments written, one transaction.

    Until it is committed, as of each row below; the session is remembered in Redis afterwards.
    """
    from django.db import transaction

    from conversations import sessions
    from webhooks.providers.omi.words import batch_of

    found = batch_of(
        payload(),
        query={"uid": f"batch-{uuid4()}"},
        owner_id=owner_id(),
        delivery_id=uuid4(),
        received_at=datetime.now(UTC),
    )
    committed: list[float] = []
    started = time.perf_counter()
    with transaction.atomic():
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        sessions.add_batches([found])
    return (committed[0] - started) * 1000


def one_by_one() -> float:
    from conversations.models import OmiSession

    now = datetime.now(UTC)
    spoken = payload()["segments"]
    owner = owner_id()
    delivery_id = uuid4()
    started = time.perf_counter()
    session, _ = OmiSession.objects.get_or_create(
        owner_id=owner,
        uid=f"each-{uuid4()}",
        defaults={"started_at": now, "first_received_at": now, "last_received_at": now},
    )
    for item in spoken:
        _write(session, item, now, delivery_id)
    return (time.perf_counter() - started) * 1000


def _write(session: Any, item: dict[str, Any], now: datetime, delivery_id: UUID) -> None:
    from conversations.models import TranscriptSegment

    TranscriptSegment.objects.update_or_create(
        session=session,
        key=item["id"],
        defaults={
            "text": item["text"],
            "speaker": item["speaker"],
            "speaker_id": item["speaker_id"],
            "is_user": item["is_user"],
            "start_s": item["start"],
            "end_s": item["end"],
            "received_at": now,
            "delivery_id": delivery_id,
        },
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
