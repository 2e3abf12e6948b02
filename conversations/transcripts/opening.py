"""Conversations that begin: the one place that makes their rows."""

from collections.abc import Sequence

import orjson
from django.db import connection

from conversations.models import Conversation, OmiSession
from omibackend.core.postgres.prepared import Prepared
from omibackend.core.postgres.rows import locked

_COLUMNS = (
    *("id", "owner_id", "uid", "sender_session_id", "started_at", "first_received_at"),
    *("last_received_at", "min_start_s", "max_end_s", "version", "segment_count"),
)


def open_sessions(sessions: Sequence[OmiSession]) -> None:
    """Stores new sessions, each with its conversation."""
    if not sessions:
        return
    records = [{name: getattr(session, name) for name in _COLUMNS} for session in sessions]
    with connection.cursor() as cursor:
        _OPEN.execute(cursor, [orjson.dumps(records).decode()])
    for session in sessions:
        session._state.adding = False


_OPEN = Prepared(
    "open_sessions",
    "json",
    """
    WITH made AS (
    INSERT INTO conversations_omisession
        (id, owner_id, uid, sender_session_id, started_at, first_received_at,
         last_received_at, min_start_s, max_end_s, version, segment_count)
    SELECT * FROM json_to_recordset($1) AS r(
        id uuid, owner_id int, uid text, sender_session_id text, started_at timestamptz,
        first_received_at timestamptz, last_received_at timestamptz,
        min_start_s float8, max_end_s float8, version int, segment_count int)
    RETURNING id, owner_id, started_at, last_received_at
    )
    INSERT INTO conversations_conversation
        (id, owner_id, kind, session_id, started_at, last_message_at)
    SELECT id, owner_id, 'omi', id, started_at, last_received_at FROM made
    """,
)


def open_chat(*, owner_id: int, key: str, title: str) -> Conversation:
    """The person's chat of this name, new or not. Its row lock is held from here on."""
    named = {"owner_id": owner_id, "kind": Conversation.Kind.CHAT, "key": key}
    return locked(Conversation.objects.all(), {"title": title}, **named)
