"""Segments in PostgreSQL: whole batches of rows, one statement each."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from conversations.segments import Segment
from omibackend.core.postgres.prepared import Prepared


class SegmentRow(NamedTuple):
    session_id: UUID
    segment: Segment
    received_at: datetime
    delivery_id: UUID
    final: bool = False


def final_words(session_ids: Collection[UUID]) -> dict[UUID, list[Segment]]:
    if not session_ids:
        return {}
    texts: dict[UUID, list[Segment]] = {pk: [] for pk in session_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT session_id, key, text, start_s, end_s FROM conversations_transcriptsegment
            WHERE session_id = ANY(%s::uuid[]) ORDER BY start_s, id
            """,
            [[str(pk) for pk in session_ids]],
        )
        for session_id, key, text, start_s, end_s in cursor:
            texts[session_id].append(Segment(key, text, start_s=start_s, end_s=end_s))
    return texts


class Written(NamedTuple):
    """What was written of a session's segments, and how many of them are new."""

    keys: set[str]
    added: int


def upsert_segments(rows: Iterable[SegmentRow]) -> dict[UUID, Written]:
    """Writes what is new or newer; returns what it wrote, by session.

    Of one segment told twice, the telling received last stands, in whatever order they come.
    """
    newest: dict[UUID, dict[str, SegmentRow]] = {}
    for session_id, found in groupby(rows, key=attrgetter("session_id")):
        told = newest.setdefault(session_id, {})
        for row in found:
            held = told.get(row.segment.key)
            if held is None or row.received_at >= held.received_at:
                told[row.segment.key] = row
    if not newest:
        return {}
    origins: dict[tuple[Any, ...], int] = {}
    records = [
        _record(row, origins.setdefault(_origin(row), len(origins)))
        for told in newest.values()
        for row in told.values()
    ]
    told_by = [{"origin": n, **dict(zip(_ORIGIN, one, strict=True))} for one, n in origins.items()]
    with connection.cursor() as cursor:
        as_json = [orjson.dumps(records).decode(), orjson.dumps(told_by).decode()]
        _UPSERT.execute(cursor, as_json)
        return {pk: Written(set(keys), added) for pk, keys, added in cursor}


_UPSERT = Prepared(
    "upsert_segments",
    "json, json",
    """
WITH written AS (
INSERT INTO conversations_transcriptsegment AS t
    (session_id, key, text, speaker, speaker_id, speaker_name, is_user, person_id,
     start_s, end_s, final, received_at, delivery_id)
SELECT session_id, key, coalesce(text, ''), coalesce(speaker, ''), speaker_id,
     coalesce(speaker_name, ''), is_user, coalesce(person_id, ''),
     start_s, end_s, final, received_at, delivery_id
FROM json_to_recordset($1) AS r(
    origin int, key text, text text, speaker text, speaker_id bigint, speaker_name text,
    is_user bool, person_id text, start_s float8, end_s float8)
JOIN json_to_recordset($2) AS o(
    origin int, session_id uuid, final bool, received_at timestamptz, delivery_id uuid)
USING (origin)
ON CONFLICT (session_id, key) DO UPDATE SET
    text = excluded.text, speaker = excluded.speaker, speaker_id = excluded.speaker_id,
    speaker_name = excluded.speaker_name, is_user = excluded.is_user,
    person_id = excluded.person_id, start_s = excluded.start_s, end_s = excluded.end_s,
    final = excluded.final, received_at = excluded.received_at, delivery_id = excluded.delivery_id,
    is_echo = t.is_echo AND t.text = excluded.text
WHERE (excluded.final OR NOT t.final AND excluded.received_at >= t.received_at)
    AND (t.text, t.speaker, t.speaker_id, t.speaker_name, t.is_user, t.person_id,
         t.start_s, t.end_s, t.final)
    IS DISTINCT FROM
        (excluded.text, excluded.speaker, excluded.speaker_id, excluded.speaker_name,
         excluded.is_user, excluded.person_id, excluded.start_s, excluded.end_s, excluded.final)
RETURNING session_id, key, xmax = 0 AS new
)
SELECT session_id, array_agg(key), count(*) FILTER (WHERE new) FROM written GROUP BY session_id
""",
)


# What the segments of one delivery have in common.
_ORIGIN = ("session_id", "received_at", "delivery_id", "final")
_origin = attrgetter(*_ORIGIN)


def _record(row: SegmentRow, origin: int) -> dict[str, Any]:
    """Without what is empty: half of what an upsert costs is to read what it is told."""
    told = ((name, getattr(row.segment, name)) for name in Segment.__slots__)
    return {"origin": origin, **{name: value for name, value in told if value not in (None, "")}}
