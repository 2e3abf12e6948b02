"""The final transcript of a conversation takes the place of what was heard live.

Omi joins segments anew when a conversation ends: ids and texts need not equal the live ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from conversations.models import Conversation, OmiSession, TranscriptSegment
from conversations.segments import Segment, keyed
from conversations.transcripts import search, session_sql
from conversations.transcripts.opening import open_sessions
from conversations.transcripts.placement import RETRIED_FOR_S, span_of
from conversations.transcripts.segment_sql import SegmentRow, upsert_segments
from conversations.transcripts.text import share_found, words_of
from omibackend.core.work.effects import Change, Effect

# Live sessions that a final transcript may belong to: the newest few.
LOOKED_AT = 8
SAME_SHARE = 0.6
CLOCKS_DIFFER = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Final:
    owner_id: int
    uid: str
    conversation_id: str
    title: str
    language: str
    started_at: datetime | None
    finished_at: datetime | None
    segments: Sequence[Segment]
    delivery_id: UUID
    keys: frozenset[str] = field(init=False)
    words: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", keyed(self.segments, self.conversation_id))
        object.__setattr__(self, "keys", frozenset(s.key for s in self.segments))
        said = [word for s in self.segments for word in words_of(s.text)]
        object.__setattr__(self, "words", said)

    def began_then(self, session: OmiSession) -> bool:
        """Whether the live session began when this conversation did, by the wall clock."""
        if self.started_at is None or self.finished_at is None:
            return False
        earliest = self.started_at - CLOCKS_DIFFER
        return (
            earliest <= session.started_at <= min(self.started_at + CLOCKS_DIFFER, self.finished_at)
        )

    def holds(self, segments: Sequence[TranscriptSegment]) -> bool:
        if any(segment.key in self.keys for segment in segments):
            return True
        said = [word for segment in segments for word in words_of(segment.text)]
        return bool(said) and share_found(said, self.words) >= SAME_SHARE


def replace_transcript(final: Final) -> list[Effect]:
    """Puts the final transcript in place, in the caller's transaction.

    Questions keep their quote and time; a transcript without words leaves the live one.
    """
    session_sql.lock([(final.owner_id, final.uid)])
    own = OmiSession.objects.filter(
        owner_id=final.owner_id, omi_conversation_id=final.conversation_id
    ).first()
    live = _live_sessions(final, own)
    _bump_head(final)
    target = own or (live[0] if live else None)
    if target is None:
        if not final.segments:
            return []
        target, change = _new_session(final), Change.CREATED
    else:
        change = Change.UPDATED
    if any(session.pk == target.pk and final.began_then(session) for session in live):
        _part_from_next(final, target)
    absorbed = [session for session in live if session.pk != target.pk]
    for session in absorbed:
        session_sql.move(session.pk, target.pk)
    differs = _write_segments(final, target) if final.segments else False
    differs |= _mark(final, target)
    if change == Change.UPDATED and not (differs or absorbed):
        change = Change.UNCHANGED
    return [Effect.on("session", target.pk, change)]


def _live_sessions(final: Final, own: OmiSession | None) -> list[OmiSession]:
    """The unfinished sessions that this conversation was heard as, the oldest first."""
    unfinished = OmiSession.objects.filter(
        owner_id=final.owner_id, uid=final.uid, finalised_at=None
    )
    if own is not None and own.finalised_at is not None:  # told again: what came later is another
        ended = own.finalised_at + timedelta(seconds=RETRIED_FOR_S)
        unfinished = unfinished.filter(started_at__lt=ended)
    newest = unfinished.order_by("-last_received_at", "-id")[:LOOKED_AT]
    heard: dict[UUID, list[TranscriptSegment]] = {session.pk: [] for session in newest}
    words = TranscriptSegment.objects.filter(session__in=heard).only("session_id", "key", "text")
    for segment in words.in_order():
        heard[segment.session_id].append(segment)
    alike = [s for s in newest if final.began_then(s) or final.holds(heard[s.pk])]
    return sorted(alike, key=lambda session: session.pk)


def _bump_head(final: Final) -> None:
    """Each write bumps the session that it found to be the newest (see session_cache)."""
    head = (
        OmiSession.objects.filter(owner_id=final.owner_id, uid=final.uid)
        .order_by("-last_received_at", "-id")
        .values("pk")[:1]
    )
    OmiSession.objects.filter(pk__in=head).update(version=F("version") + 1)


def _new_session(final: Final) -> OmiSession:
    now = timezone.now()
    heard_at = min(final.finished_at or now, now)
    fresh = OmiSession(
        owner_id=final.owner_id,
        uid=final.uid,
        started_at=final.started_at or heard_at,
        first_received_at=heard_at,
        last_received_at=heard_at,
        version=0,
    )
    open_sessions([fresh])
    return fresh


def _part_from_next(final: Final, target: OmiSession) -> None:
    """Live words of a conversation that began right after this one, and was not told from it,
    go into a session of their own."""
    live = TranscriptSegment.objects.filter(session=target, final=False, end_s__isnull=False)
    after = [
        segment
        for segment in live
        if final.finished_at is not None
        and segment.received_at - timedelta(seconds=segment.end_s or 0) >= final.finished_at
        and not final.holds([segment])
    ]
    if not after:
        return
    spans = [(segment.start_s or 0.0, segment.end_s or 0.0) for segment in after]
    heard = [segment.received_at for segment in after]
    following = OmiSession(
        owner_id=final.owner_id,
        uid=final.uid,
        started_at=min(at - timedelta(seconds=s[1]) for at, s in zip(heard, spans, strict=True)),
        first_received_at=min(heard),
        last_received_at=max(heard),
        min_start_s=min(start for start, _ in spans),
        max_end_s=max(end for _, end in spans),
        segment_count=len(after),
    )
    open_sessions([following])
    live.filter(pk__in=[segment.pk for segment in after]).update(session=following)


def _write_segments(final: Final, target: OmiSession) -> bool:
    at = timezone.now()
    gone = _replace_live(final, target)
    rows = [SegmentRow(target.pk, s, at, final.delivery_id, final=True) for s in final.segments]
    return bool(upsert_segments(rows)) or gone


def _replace_live(final: Final, target: OmiSession) -> bool:
    """Their keys are kept: a deletion has to know what may be sent again."""
    replaced = TranscriptSegment.objects.filter(session=target).exclude(key__in=final.keys)
    keys = list(replaced.values_list("key", flat=True))
    if keys:
        replaced.delete()
        target.replaced_keys = sorted({*target.replaced_keys, *keys})
        target.save(update_fields=["replaced_keys"])
    return bool(keys)


def _mark(final: Final, target: OmiSession) -> bool:
    """Makes the session final; returns whether that changed anything."""
    spans = [span_of(segment) for segment in final.segments if segment.start_s is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE conversations_omisession s SET
                title = %s, language = %s, omi_conversation_id = %s,
                started_at = COALESCE(%s, s.started_at),
                min_start_s = COALESCE(%s, s.min_start_s), max_end_s = COALESCE(%s, s.max_end_s),
                finalised_at = COALESCE(s.finalised_at, now()), version = s.version + 1,
                segment_count = (SELECT count(*) FROM conversations_transcriptsegment g
                                 WHERE g.session_id = s.id)
            FROM conversations_omisession old
            WHERE s.id = %s AND old.id = s.id
            RETURNING (old.title, old.language, old.omi_conversation_id, old.finalised_at)
                IS DISTINCT FROM (s.title, s.language, s.omi_conversation_id, s.finalised_at)
            """,
            [
                final.title,
                final.language,
                final.conversation_id,
                final.started_at,
                min((start for start, _ in spans), default=None),
                max((end for _, end in spans), default=None),
                target.pk,
            ],
        )
        changed = bool(cursor.fetchone()[0])
    heard = OmiSession.objects.filter(pk=target.pk)
    Conversation.objects.filter(pk=target.pk).update(
        title=final.title,
        started_at=final.started_at or F("started_at"),
        last_message_at=Greatest("last_message_at", Subquery(heard.values("last_received_at"))),
    )
    search.index([target.pk])
    return changed
