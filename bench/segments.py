"""100 segments of one delivery: one statement against `update_or_create` of each.

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
    took = [
        {"upsert_ms": upsert(), "job_ms": job(), "each_ms": one_by_one()} for _ in range(rounds)
    ]
    print(json.dumps(took))


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


def told() -> Any:
    from webhooks.providers.omi.words import batch_of

    return batch_of(
        payload(),
        query={"uid": f"bench-{uuid4()}"},
        owner_id=owner_id(),
        delivery_id=uuid4(),
        received_at=datetime.now(UTC),
    )


def job() -> float:
    """All that the job does of them: the wearable locked, the session found or made with its
    conversation, what was deleted looked for, the segments written."""
    from django.db import transaction

    from conversations.transcripts import ingest

    batch = told()
    committed: list[float] = []
    started = time.perf_counter()
    with transaction.atomic():
        # What is remembered in Redis comes after this.
        transaction.on_commit(lambda: committed.append(time.perf_counter()))
        ingest.add_batches([batch])
    return (committed[0] - started) * 1000


def upsert() -> float:
    """The segments alone, of a session that is there."""
    from django.db import transaction

    from conversations.transcripts.segment_sql import SegmentRow, upsert_segments

    batch = told()
    session = made_session()
    started = time.perf_counter()
    rows = [SegmentRow(session.pk, s, batch.received_at, batch.delivery_id) for s in batch.segments]
    with transaction.atomic():
        upsert_segments(rows)
    return (time.perf_counter() - started) * 1000


def one_by_one() -> float:
    """The same, each by itself."""
    now = datetime.now(UTC)
    spoken = payload()["segments"]
    session = made_session()
    delivery_id = uuid4()
    started = time.perf_counter()
    for item in spoken:
        _write(session, item, now, delivery_id)
    return (time.perf_counter() - started) * 1000


def made_session() -> Any:
    from conversations.models import OmiSession

    now = datetime.now(UTC)
    times = {"started_at": now, "first_received_at": now, "last_received_at": now}
    return OmiSession.objects.create(owner_id=owner_id(), uid=f"bench-{uuid4()}", **times)


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
