"""Our own words heard again: a phone that reads an answer or a notification aloud is recorded like
anybody else, and what Omi makes of that must be neither a question nor a memory.

Words are ours when they repeat what was given to the same person minutes before; unless they had
been said before that, for an answer may quote the person. All of it is looked up only where
something was given lately: one statement for any number of deliveries.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection, connections

from conversations.models import Question, TranscriptSegment
from conversations.segments import Batch, Segment
from conversations.voice.repeats import are_ours, is_in, plain, repeating
from omibackend.core.work.effects import Effect

# So long after it was given something may be read aloud.
WITHIN = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=5)
LONGEST_CONVERSATION = timedelta(hours=24)
# An answer quotes no transcript that is older.
QUOTED_WITHIN = timedelta(minutes=30)
MOST_GIVEN = 50
MOST_SAID_BEFORE = 500

Stream = tuple[int, str]


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
        others = self.rest_of(self.batch).segments
        if self.keys and not others:
            return True
        if not any(are_ours([plain(summary)], given.text) for given in self.given):
            return False
        return not others or _are_questions(others, self.batch, self.given)

    def rest_of(self, batch: Batch) -> Batch:
        """The delivery, or a part of it, without our words."""
        if not self.keys:
            return batch
        return replace(batch, segments=tuple(s for s in batch.segments if s.key not in self.keys))


def playbacks_in(
    heard: Sequence[tuple[Batch, datetime | None]], *, using: str = DEFAULT_DB_ALIAS
) -> dict[UUID, Playback]:
    """By delivery. What was given lately is one statement, however many they are.

    With each batch stands when its conversation began, if the sender tells it once that it is
    over; None while it is heard.
    """
    spans: dict[Stream, tuple[datetime, datetime]] = {}
    for batch, began_at in heard:
        since, until = _since(batch, began_at), batch.received_at
        first, last = spans.get(_stream(batch), (since, until))
        spans[_stream(batch)] = min(first, since), max(last, until)
    given = _given(spans, using=using)
    found = {}
    for batch, began_at in heard:
        since = _since(batch, began_at)
        words = given.get(_stream(batch), [])
        lately = [each for each in words if since <= each.at <= batch.received_at]
        together = [other for other, _ in heard if _stream(other) == _stream(batch)]
        found[batch.delivery_id] = _heard(batch, lately, together, began_at=began_at, using=using)
    return found


def playback_in(
    batch: Batch, *, began_at: datetime | None = None, using: str = DEFAULT_DB_ALIAS
) -> Playback:
    return playbacks_in([(batch, began_at)], using=using)[batch.delivery_id]


def _since(batch: Batch, began_at: datetime | None) -> datetime:
    since = min(began_at or batch.received_at, batch.received_at)
    return max(since, batch.received_at - LONGEST_CONVERSATION) - WITHIN


def flag(playbacks: Mapping[UUID, Playback], effects: Mapping[UUID, Iterable[Effect]]) -> None:
    """Marks stored segments as ours or not, where they still say what was heard; the effects tell
    which sessions they went into."""
    for delivery_id, stored in effects.items():
        found = playbacks.get(delivery_id)
        sessions = [e.id for e in stored if e.kind == "session" and e.id]
        if found and found.given and found.batch.segments and sessions:
            _flag(found, sessions)


def _flag(found: Playback, sessions: list[str]) -> None:
    told = [
        {"key": s.key, "text": s.text, "is_echo": s.key in found.keys} for s in found.batch.segments
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


def _stream(batch: Batch) -> Stream:
    return batch.owner_id, batch.uid


# With the line that says where the answer belongs, and without it: either may be read aloud.
# Of an answer the time of its question is indexed: it is at most `WITHIN` older (see jobs).
_GIVEN = """
SELECT w.stream, g.text, g.at
FROM json_to_recordset(%s::json)
    AS w(stream int, owner_id int, uid text, since timestamptz, until timestamptz)
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
    WHERE n.recipient = w.owner_id || ':' || w.uid AND n.sent_at BETWEEN w.since AND w.until
        AND n.send_state <> 'refused'
    ORDER BY n.sent_at DESC LIMIT %s)
) g
WHERE g.text <> ''
"""


def _given(
    spans: Mapping[Stream, tuple[datetime, datetime]], *, using: str
) -> dict[Stream, list[GivenWords]]:
    if not spans:
        return {}
    streams = list(spans)
    asked = [
        {"stream": number, "owner_id": owner_id, "uid": uid, "since": since, "until": until}
        for number, ((owner_id, uid), (since, until)) in enumerate(spans.items())
    ]
    found: dict[Stream, list[GivenWords]] = {}
    with connections[using].cursor() as cursor:
        cursor.execute(
            _GIVEN, [orjson.dumps(asked).decode(), WITHIN.total_seconds(), MOST_GIVEN, MOST_GIVEN]
        )
        for number, text, at in cursor:
            found.setdefault(streams[number], []).append(GivenWords(plain(text), at))
    return found


def _heard(
    batch: Batch,
    given: Sequence[GivenWords],
    together: Iterable[Batch],
    *,
    began_at: datetime | None,
    using: str,
) -> Playback:
    ours: dict[str, GivenWords] = {}
    for words in given:
        for segment in repeating(batch.segments, words.text):
            ours.setdefault(segment.key, words)
    if ours:
        ours = _not_said_before(batch, ours, together, began_at=began_at, using=using)
    return Playback(batch, given, frozenset(ours))


def _not_said_before(
    batch: Batch,
    ours: Mapping[str, GivenWords],
    together: Iterable[Batch],
    *,
    began_at: datetime | None,
    using: str,
) -> dict[str, GivenWords]:
    """Without what an answer may have taken from the person: it came before the answer was given,
    and is stored, or comes `together` with this. The sender's clock can tell that it was said
    again."""
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
    before += [(plain(s.text), other.received_at) for other in together for s in other.segments]
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
