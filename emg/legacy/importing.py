"""From an old row to a recording: analytics of today, and none of the samples."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from emg.analytics.pairing import pair
from emg.analytics.parameters import VERSION
from emg.legacy.blobs import BadBlob, OldChannel, channels
from emg.legacy.source import LegacyDatabase, OldRow
from emg.models import Recording
from emg.recordings import muscles, paths, scoring
from emg.recordings.analysis import bounded
from omibackend.core.errors import SetAside
from omibackend.core.work.leased import State

IMPORTED, HERE, FAILED = "imported", "already here", "failed"
BUCKET = "legacy"
SHA256 = re.compile(r"[0-9a-fA-F]{64}")
MOST_SESSION_CHARS = 100
Json = dict[str, Any]


@dataclass
class LegacyTally:
    counts: Counter[str] = field(default_factory=Counter)
    # Id of an old row, and why it was not imported.
    troubles: list[tuple[str, str]] = field(default_factory=list)
    old_bytes: int = 0
    new_bytes: int = 0


def take(
    source: LegacyDatabase, ids: list[str], *, owner_id: int, unit: str, tally: LegacyTally
) -> Iterator[None]:
    """Those of these old rows that are not here yet, one after the other; told of after each."""
    known = set(
        Recording.objects.filter(
            owner_id=owner_id, object_version__in=[version_of(pk) for pk in ids]
        ).values_list("object_version", flat=True)
    )
    for pk in ids:
        if version_of(pk) in known:
            tally.counts[HERE] += 1
        else:
            _take(source.row(pk), owner_id=owner_id, unit=unit, tally=tally)
        yield


def _take(row: OldRow, *, owner_id: int, unit: str, tally: LegacyTally) -> None:
    try:
        made, is_new = _keep(row, owner_id=owner_id, unit=unit)
    except (BadBlob, SetAside) as error:
        tally.counts[FAILED] += 1
        tally.troubles.append((row.id, str(error)))
        return
    tally.counts[IMPORTED if is_new else HERE] += 1
    if is_new:
        tally.old_bytes += row.stored_bytes
        tally.new_bytes += stored_bytes(made)


def version_of(pk: str) -> str:
    """By which an old row is known when it is seen again."""
    return f"analysis_results:{pk}"


def _keep(row: OldRow, *, owner_id: int, unit: str) -> tuple[Recording, bool]:
    if row.signals is None:
        raise BadBlob("The row is gone, or its emg_signals are.")
    found = channels(row.signals, row.sampling_rate)
    analytics = bounded(measured(found, unit))
    path = (row.file_path or f"analysis_results/{row.id}").lstrip("/")
    bucket = row.bucket_name or BUCKET
    recording = Recording(
        owner_id=owner_id,
        bucket=bucket,
        object_path=path,
        object_version=version_of(row.id),
        session_id=(row.session_id or "")[:MOST_SESSION_CHARS] or paths.session_id(bucket, path),
        session_code=paths.session_code(path),
        patient_code=paths.patient_code(path) or paths.patient_code(row.patient_id or ""),
        size_bytes=row.file_size_bytes,
        sha256=_sha256(row),
        metadata=_metadata(row, found),
        analytics=analytics,
        processing_version=VERSION,
        progress_percent=100,
        recorded_at=(
            row.session_date or paths.recorded_at(path) or row.created_at or timezone.now()
        ),
        state=State.DONE,
        finished_at=Now(),
        analysed_at=Now(),
    )
    recording.scores = scoring.scores_of(recording)
    # Two imports at once make one recording.
    made = Recording.objects.bulk_create([recording], ignore_conflicts=True)[0]
    return made, Recording.objects.filter(pk=made.pk).exists()


def measured(found: list[OldChannel], unit: str) -> Json:
    """Of each muscle. The old MVCs are left: they were made of the whole envelope."""
    pairs = pair([channel.name for channel in found])
    if not pairs:
        raise BadBlob("emg_signals has no raw channel.")
    analytics = {}
    for muscle in pairs:
        raw = found[muscle.raw]
        activated = raw.activated if muscle.activated is None else found[muscle.activated].samples
        try:
            analytics[raw.name] = muscles.analysed(
                raw.samples, raw.rate_hz, unit, activated=activated
            )
        except ValueError as error:
            raise BadBlob(f"{raw.name}: {error}") from error
    return analytics


def _metadata(row: OldRow, found: list[OldChannel]) -> Json:
    first = found[0]
    return {
        "channel_names": [channel.name for channel in found],
        "channel_count": len(found),
        "sampling_rate": first.rate_hz,
        "duration_seconds": len(first.samples) / first.rate_hz,
        "file_size_bytes": row.file_size_bytes,
        "file_hash": _sha256(row) or None,
        "points_rate": 0.0,
    }


def _sha256(row: OldRow) -> str:
    """Older versions wrote a hash of path and size into the same column."""
    told = row.file_hash or ""
    return told.lower() if SHA256.fullmatch(told) else ""


def stored_bytes(recording: Recording) -> int:
    """What PostgreSQL keeps of its analysis."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_column_size(analytics) + coalesce(pg_column_size(scores), 0)"
            " + coalesce(pg_column_size(metadata), 0) FROM emg_recording WHERE id = %s",
            [recording.pk],
        )
        return int(cursor.fetchone()[0])
