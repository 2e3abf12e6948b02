"""Our own words heard again: a phone that reads an answer or a notification aloud is recorded like
anybody else, and what Omi makes of that must be neither a question nor a memory.

Words are ours when they repeat what was given to the same person minutes before; unless they had
been said before that, for an answer may quote the person. All of it is looked up only where
something was given lately: one statement for any number of deliveries.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections

from conversations.models import Question, TranscriptSegment
from conversations.segments import Batch, Segment
from conversations.voice.repeats import are_ours, is_in, plain, repeating

# So long after it was given something may be read aloud.
WITHIN = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=5)
LONGEST_CONVERSATION = timedelta(hours=24)
# An answer quotes no transcript that is older.
QUOTED_WITHIN = timedelta(minutes=30)
MOST_GIVEN = 50
MOST_SAID_BEFORE = 500

Place = tuple[int, str]


class GivenWords(NamedTuple):
    """Words that a person got from us; as plain words."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Playback:
    """What of a delivery is ours: the keys of its segments, and the words that they repeat."""

    batch: Batch
    given: Sequence[GivenWords] = ()
    keys: frozenset[str] = frozenset()

    def adds_nothing(self, summary: str) -> bool:
        """Whether a memory of it would tell only what we had told: nothing else was heard; or the
        summary is ours, and all that was said beside it are the questions that it answers."""
        others = [s for s in self.batch.segments if s.key not in self.keys]
        if self.keys and not others:
            return True
        if not any(are_ours([plain(summary)], given.text) for given in self.given):
            return False
        return not others or _are_questions(others, self.batch, self.given)


def playback_in(
    batch: Batch, *, began_at: datetime | None = None, using: str = DEFAULT_DB_ALIAS
) -> Playback:
    """`began_at`: when the conversation began, if the sender tells it once that it is over."""
    since = min(began_at or batch.received_at, batch.received_at)
    since = max(since, batch.received_at - LONGEST_CONVERSATION) - WITHIN
    given = _given({_place(batch): (since, batch.received_at)}, using=using)
    return _heard(batch, given.get(_place(batch), ()), began_at=began_at, using=using)


def without_playback(batch: Batch, *, using: str) -> Batch:
    keys = playback_in(batch, using=using).keys
    if not keys:
        return batch
    return replace(batch, segments=tuple(s for s in batch.segments if s.key not in keys))


def flag_live(batches: Sequence[Batch], became: Mapping[UUID, Iterable[Mapping[str, Any]]]) -> None:
    """Marks what is ours in live speech that was stored just now; `became` tells where."""
    spans: dict[Place, tuple[datetime, datetime]] = {}
    for batch in batches:
        if batch.segments:
            own = batch.received_at - WITHIN, batch.received_at
            since, until = spans.get(_place(batch), own)
            spans[_place(batch)] = min(since, own[0]), max(until, own[1])
    given = _given(spans, using=DEFAULT_DB_ALIAS)
    for batch in batches:
        if _place(batch) in given:
            since = batch.received_at - WITHIN
            lately = [g for g in given[_place(batch)] if since <= g.at <= batch.received_at]
            flag(_heard(batch, lately), became.get(batch.delivery_id, ()))


def flag(heard: Playback, became: Iterable[Mapping[str, Any]]) -> None:
    """Marks the segments as ours or not, where they still say what was heard."""
    sessions = [row["id"] for row in became if row["kind"] == "session" and row["id"]]
    if not (heard.given and sessions):
        return
    told = [
        {"key": s.key, "text": s.text, "is_echo": s.key in heard.keys} for s in heard.batch.segments
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_transcriptsegment t SET is_echo = r.is_echo
            FROM json_to_recordset(%s::json) AS r(key text, text text, is_echo bool)
            WHERE t.session_id = ANY(%s::uuid[]) AND t.key = r.key AND t.text = r.text
                AND t.is_echo <> r.is_echo
            """,
            [orjson.dumps(told).decode(), sessions],
        )


def _place(batch: Batch) -> Place:
    return batch.owner_id, batch.uid


# With the line that says where the answer belongs, and without it: either may be read aloud.
# Of an answer the time of its question is indexed: it is at most `WITHIN` older (see jobs).
_GIVEN = """
SELECT w.place, g.text, g.at
FROM json_to_recordset(%s::json)
    AS w(place int, owner_id int, uid text, since timestamptz, until timestamptz)
CROSS JOIN LATERAL (
    (SELECT unnest(ARRAY[q.answer, q.spoken]) AS text, q.answered_at AS at
    FROM conversations_question q
    WHERE q.owner_id = w.owner_id AND q.uid = w.uid AND q.channel = 'inline'
        AND q.asked_at BETWEEN w.since - make_interval(secs => %s) AND w.until
        AND q.answered_at BETWEEN w.since AND w.until
    ORDER BY q.asked_at DESC LIMIT %s)
    UNION ALL
    (SELECT unnest(ARRAY[q.answer, n.text]), n.sent_at
    FROM conversations_notification n JOIN conversations_question q ON q.id = n.question_id
    WHERE n.owner_id = w.owner_id AND n.uid = w.uid AND n.sent_at BETWEEN w.since AND w.until
        AND n.send_state <> 'refused'
    ORDER BY n.sent_at DESC LIMIT %s)
) g
WHERE g.text <> ''
"""


def _given(
    spans: Mapping[Place, tuple[datetime, datetime]], *, using: str
) -> dict[Place, list[GivenWords]]:
    if not spans:
        return {}
    places = list(spans)
    asked = [
        {
            "place": number,
            "owner_id": owner_id,
            "uid": uid,
            "since": spans[owner_id, uid][0],
            "until": spans[owner_id, uid][1],
        }
        for number, (owner_id, uid) in enumerate(places)
    ]
    found: dict[Place, list[GivenWords]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(
            _GIVEN, [orjson.dumps(asked).decode(), WITHIN.total_seconds(), MOST_GIVEN, MOST_GIVEN]
        )
        for number, text, at in cursor:
            found.setdefault(places[number], []).append(GivenWords(plain(text), at))
    return found


def _heard(
    batch: Batch,
    given: Sequence[GivenWords],
    *,
    began_at: datetime | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Playback:
    ours: dict[str, GivenWords] = {}
    for words in given:
        for segment in repeating(batch.segments, words.text):
            ours.setdefault(segment.key, words)
    if ours:
        ours = _not_said_before(batch, ours, began_at=began_at, using=using)
    return Playback(batch, given, frozenset(ours))


def _not_said_before(
    batch: Batch, ours: Mapping[str, GivenWords], *, began_at: datetime | None, using: str
) -> dict[str, GivenWords]:
    """Without what an answer may have taken from the person: it was stored before the answer was
    given. The sender's clock can tell that it was said again."""
    first = min(given.at for given in ours.values())
    last = max(given.at for given in ours.values())
    stored = (
        TranscriptSegment.objects.using(using)
        .filter(
            session__owner_id=batch.owner_id,
            session__uid=batch.uid,
            session__last_received_at__gte=first - QUOTED_WITHIN,
            received_at__range=(first - QUOTED_WITHIN, last),
            is_echo=False,
        )
        .order_by("-received_at")
        .values_list("text", "received_at")[:MOST_SAID_BEFORE]
    )
    before = [(plain(text), at) for text, at in stored]
    kept = {}
    for segment in batch.segments:
        given = ours.get(segment.key)
        if given is None:
            continue
        said = plain(segment.text)
        earlier = (text for text, at in before if at < given.at)
        if _was_said_after(segment, given, batch, began_at) or not any(
            is_in(said, text) for text in earlier
        ):
            kept[segment.key] = given
    return kept


def _was_said_after(
    segment: Segment, given: GivenWords, batch: Batch, began_at: datetime | None
) -> bool:
    if began_at is None or segment.start_s is None:
        return False
    said_at = began_at + timedelta(seconds=min(segment.start_s, 1e6))
    return given.at - CLOCKS_DIFFER <= said_at <= batch.received_at + CLOCKS_DIFFER


def _are_questions(segments: Iterable[Segment], batch: Batch, given: Sequence[GivenWords]) -> bool:
    quotes = Question.objects.filter(
        owner_id=batch.owner_id,
        uid=batch.uid,
        asked_at__range=(min(g.at for g in given) - WITHIN, batch.received_at),
    ).values_list("quote", flat=True)
    asked = [plain(quote) for quote in quotes[:MOST_GIVEN]]
    return all(any(is_in(plain(segment.text), quote) for quote in asked) for segment in segments)
