"""Conversations by their words."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import QuerySet

from conversations.models import Conversation, Message, TranscriptWords

# PostgreSQL refuses a row whose tsvector passes 1 MB; what is beyond is kept but not searched.
MOST_SEARCHED_CHARS = 200_000
# The newest that hold the words; of more nobody reads the list to its end.
MOST_FOUND = 1000
AT_ONCE = 200
LOOKED_BACK_DAYS = 2


def index(session_ids: Collection[UUID]) -> None:
    """Makes the transcripts findable by their words as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEX, [MOST_SEARCHED_CHARS, [str(pk) for pk in session_ids]])


_INDEX = """
INSERT INTO conversations_transcriptwords (session_id, version, search)
SELECT s.id, s.version, to_tsvector('simple', left(concat_ws(' ', s.title, (
    SELECT string_agg(g.text, ' ') FROM conversations_transcriptsegment g WHERE g.session_id = s.id
)), %s))
FROM conversations_omisession s WHERE s.id = ANY(%s::uuid[])
ON CONFLICT (session_id) DO UPDATE SET version = excluded.version, search = excluded.search
WHERE conversations_transcriptwords.version <= excluded.version
"""


def settle_silent() -> int:
    """The job behind live speech: sessions that fell silent become findable, and take their place
    in the list of conversations. Returns how many it settled."""
    settled = 0
    while ids := _silent():
        index(ids)
        with connection.cursor() as cursor:
            cursor.execute(_PLACE, [[str(pk) for pk in ids]])
        settled += len(ids)
    return settled


def _silent() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, [LOOKED_BACK_DAYS, settings.SESSION_GAP_SECONDS, AT_ONCE])
        return [pk for (pk,) in cursor]


_SILENT = """
SELECT s.id FROM conversations_omisession s
LEFT JOIN conversations_transcriptwords w ON w.session_id = s.id
WHERE s.last_received_at BETWEEN now() - make_interval(days => %s)
        AND now() - make_interval(secs => %s)
    AND (w.version IS NULL OR w.version < s.version)
ORDER BY s.last_received_at LIMIT %s
"""

_PLACE = """
UPDATE conversations_conversation c
SET last_message_at = greatest(c.last_message_at, s.last_received_at)
FROM conversations_omisession s
WHERE c.session_id = s.id AND s.id = ANY(%s::uuid[]) AND c.last_message_at < s.last_received_at
"""


def with_words(conversations: QuerySet[Conversation], owner_id: int, q: str) -> QuerySet[Any]:
    """Those in which the words were said or written: words, "a phrase", -not, or."""
    query = SearchQuery(q, config="simple", search_type="websearch")
    heard = TranscriptWords.objects.filter(session__owner_id=owner_id, search=query)
    written = Message.objects.filter(conversation__owner_id=owner_id, search=query)
    ids = heard.order_by("-pk").values_list("pk", flat=True)[:MOST_FOUND]
    more = written.order_by("-pk").values_list("conversation_id", flat=True)[:MOST_FOUND]
    return conversations.filter(pk__in={*ids, *more})
