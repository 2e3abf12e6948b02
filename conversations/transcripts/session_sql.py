"""Sessions and their segments in PostgreSQL: whole batches of rows, one statement each."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from conversations.segments import Batch
from conversations.transcripts.placement import STORED, Track
from omibackend.core.errors import OmiError
from omibackend.core.postgres import locks
from omibackend.core.postgres.locks import Lock
from omibackend.core.postgres.prepared import Prepared

# The newest sessions of a place hold whatever is still being said there.
NEWEST = 6


class Stream(NamedTuple):
    """Where speech arrives: a person's wearable, or one session that the sender names."""

    owner_id: int
    uid: str
    sender_session_id: str | None

    @classmethod
    def of(cls, batch: Batch) -> "Stream":
        return cls(batch.owner_id, batch.uid, batch.sender_session_id)


class SessionChanged(OmiError):
    """A session was written by somebody who did not hold its lock."""


def lock(wearables: Iterable[tuple[int, str]]) -> None:
    """Holds the wearables to the end of the transaction, in an order that all callers share."""
    locks.lock(*((Lock.WEARABLE, f"{owner_id}:{uid}") for owner_id, uid in wearables))


_COLUMNS = ", ".join(f"s.{name}" for name in STORED)
# Whether a person ever deleted words: asked in the statements that every batch needs anyway.
_DELETED_ANY = "EXISTS (SELECT FROM conversations_deletedwords d WHERE d.owner_id = {owner})"


def newest(places: Sequence[Stream]) -> tuple[dict[Stream, list[Track]], set[int]]:
    """Also the owners who deleted words before."""
    deleters: set[int] = set()
    asked = _json(_place_record(number, place) for number, place in enumerate(places))
    return _tracks(places, _NEWEST, [asked], deleters), deleters


_NEWEST = Prepared(
    "newest_sessions",
    "json",
    f"""
    SELECT p.place, {_DELETED_ANY.format(owner="p.owner_id")}, {_COLUMNS}
    FROM json_to_recordset($1)
        AS p(place int, owner_id int, uid text, sender_session_id text)
    LEFT JOIN LATERAL (
        SELECT * FROM conversations_omisession s
        WHERE s.owner_id = p.owner_id AND s.uid = p.uid
            AND s.sender_session_id IS NOT DISTINCT FROM p.sender_session_id
        ORDER BY s.last_received_at DESC, s.id DESC LIMIT {NEWEST}
    ) s ON true
    ORDER BY s.last_received_at DESC, s.id DESC
    """,  # noqa: S608 (nothing of it comes from outside)
)


def around(
    spans: dict[Stream, tuple[float, float]], *, gap_s: float, since: datetime
) -> dict[Stream, list[Track]]:
    """All sessions heard since then that speech in these spans of the sender's clock could belong
    to."""
    places = list(spans)
    records = (
        {**_place_record(number, place), "from_s": start_s - gap_s, "to_s": end_s + gap_s}
        for number, (place, (start_s, end_s)) in enumerate(spans.items())
    )
    return _tracks(places, _AROUND, [_json(records), since])


_AROUND = Prepared(
    "sessions_around",
    "json, timestamptz",
    f"""
    SELECT p.place, false, {_COLUMNS}
    FROM json_to_recordset($1)
        AS p(place int, owner_id int, uid text, from_s float8, to_s float8)
    JOIN conversations_omisession s
        ON s.owner_id = p.owner_id AND s.uid = p.uid AND s.last_received_at >= $2
        AND s.sender_session_id IS NULL
        AND (s.min_start_s IS NULL OR s.min_start_s <= p.to_s AND s.max_end_s >= p.from_s)
    ORDER BY s.last_received_at DESC, s.id DESC
    """,  # noqa: S608
)


def _place_record(number: int, place: Stream) -> dict[str, Any]:
    return {"place": number, **place._asdict()}


def _tracks(
    places: Sequence[Stream],
    statement: Prepared,
    values: list[Any],
    deleters: set[int] | None = None,
) -> dict[Stream, list[Track]]:
    found: dict[Stream, list[Track]] = {place: [] for place in places}
    with connection.cursor() as cursor:
        statement.execute(cursor, values)
        for number, deleted_any, *columns in cursor:
            if deleted_any and deleters is not None:
                deleters.add(places[number].owner_id)
            if columns[0] is not None:
                found[places[number]].append(Track(*columns))
    return found


class Checked(NamedTuple):
    versions: dict[UUID, int]
    # key of a segment -> the sessions that hold it
    holders: dict[str, set[UUID]]
    # the owners who deleted words before
    deleters: set[int]


def check(asked: Sequence[tuple[UUID, Collection[str]]]) -> Checked:
    """Of each session its version now, and which of these segment keys it holds."""
    found = Checked({}, {}, set())
    if not asked:
        return found
    with connection.cursor() as cursor:
        _CHECK.execute(
            cursor,
            [
                [str(pk) for pk, _ in asked],
                _json({"id": pk, "keys": list(keys)} for pk, keys in asked if keys),
            ],
        )
        for pk, version, key, deleter in cursor:
            if deleter is not None:
                found.deleters.add(deleter)
            if key is None:
                found.versions[pk] = version
            else:
                found.holders.setdefault(key, set()).add(pk)
    return found


_CHECK = Prepared(
    "check_sessions",
    "text[], json",
    f"""
    SELECT s.id, s.version, NULL::text,
        CASE WHEN {_DELETED_ANY.format(owner="s.owner_id")} THEN s.owner_id END
    FROM conversations_omisession s WHERE s.id = ANY($1::uuid[])
    UNION ALL
    SELECT g.session_id, NULL, g.key, NULL
    FROM json_to_recordset($2) AS a(id uuid, keys text[])
    CROSS JOIN unnest(a.keys) AS k
    JOIN conversations_transcriptsegment g ON g.session_id = a.id AND g.key = k
    """,  # noqa: S608
)


def move(old: UUID, new: UUID) -> None:
    """Everything of the one session goes to the other, and the old one is gone."""
    with connection.cursor() as cursor:
        for statement in _MOVE:
            cursor.execute(statement, {"old": old, "new": new})


_MOVE = (
    """
    DELETE FROM conversations_transcriptsegment g WHERE g.session_id = %(old)s AND EXISTS (
        SELECT FROM conversations_transcriptsegment o
        WHERE o.session_id = %(new)s AND o.key = g.key)
    """,
    *(
        f"UPDATE {table} SET {column} = %(new)s WHERE {column} = %(old)s"  # noqa: S608
        for table, column in (
            ("conversations_transcriptsegment", "session_id"),
            ("conversations_question", "session_id"),
            ("conversations_message", "conversation_id"),
            ("conversations_contextwindow", "conversation_id"),
            ("accounts_preferences", "default_conversation"),
        )
    ),
    "DELETE FROM conversations_transcriptwords WHERE session_id = %(old)s",
    "DELETE FROM conversations_conversation WHERE id = %(old)s",
    "DELETE FROM conversations_omisession WHERE id = %(old)s",
)


def update(changes: Iterable[tuple[Track, int]]) -> None:
    """Writes each session's metadata and how many segments it gained.

    A session that absorbed another is counted afresh. The version must be the one that was read.
    """
    records = [
        {**track.stored(), "added": added, "recount": bool(track.absorbed)}
        for track, added in changes
    ]
    if not records:
        return
    with connection.cursor() as cursor:
        _UPDATE.execute(cursor, [_json(records)])
        if cursor.rowcount != len(records):
            raise SessionChanged("A session was changed meanwhile.")


_UPDATE = Prepared(
    "update_sessions",
    "json",
    """
UPDATE conversations_omisession s SET
    started_at = r.started_at, first_received_at = r.first_received_at,
    last_received_at = r.last_received_at, min_start_s = r.min_start_s,
    max_end_s = r.max_end_s, version = s.version + 1,
    segment_count = CASE WHEN r.recount
        THEN (SELECT count(*) FROM conversations_transcriptsegment g WHERE g.session_id = s.id)
        ELSE s.segment_count + r.added END
FROM json_to_recordset($1) AS r(
    id uuid, started_at timestamptz, first_received_at timestamptz,
    last_received_at timestamptz, min_start_s float8, max_end_s float8, version int,
    added int, recount bool)
WHERE s.id = r.id AND s.version = r.version
""",
)


def _json(records: Iterable[dict[str, Any]]) -> str:
    return orjson.dumps(list(records)).decode()
