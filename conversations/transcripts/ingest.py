"""Live speech goes into sessions: many deliveries at once, in any order, as often as they come."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from django.conf import settings
from django.db import transaction

from conversations.models import OmiSession
from conversations.segments import Batch, Segment
from conversations.transcripts import cache, deletion, session_sql
from conversations.transcripts.candidates import Candidates, boards_of, load
from conversations.transcripts.opening import open_sessions
from conversations.transcripts.placement import (
    Track,
    Utterance,
    may_be_final,
    sessions_for,
    span_of,
)
from conversations.transcripts.segment_sql import SegmentRow, Written, final_words, upsert_segments
from conversations.transcripts.text import share_found, words_of
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change, Effect

# This much of what was said, word for word and at the same time, makes it the same speech.
SAME_SHARE = 0.6
SAME_TIME_S = 3.0
DELETED_BEFORE = [Effect.on("session", "", Change.DELETED_BEFORE)]


@dataclass(slots=True)
class Placements:
    """Where everything went: filled by the rules first, written to PostgreSQL then."""

    rows: list[SegmentRow] = field(default_factory=list)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    made_by: dict[UUID, UUID] = field(default_factory=dict)
    went_to: dict[UUID, list[tuple[UUID, Change | None]]] = field(default_factory=dict)

    def final_id(self, session_id: UUID) -> UUID:
        while session_id in self.merged:
            session_id = self.merged[session_id]
        return session_id


def add_batches(batches: Sequence[Batch]) -> dict[UUID, list[Effect]]:
    """Stores the segments of many deliveries in the caller's transaction.

    Returns what became of each delivery. The wearables are locked until the transaction ends.
    """
    boards = boards_of(batches)
    if not boards:
        return {batch.delivery_id: [] for batch in batches}
    session_sql.lock((board.place.owner_id, board.place.uid) for board in boards)
    holders, deleters = load(boards)
    gone: set[UUID] = set()
    if deleters:
        left = deletion.left_of(batches)
        gone = {
            batch.delivery_id
            for batch, rest in zip(batches, left, strict=True)
            if batch.segments and not rest.segments
        }
        boards = boards_of(left)
        holders, _ = load(boards)
    finals = _finals(boards)
    outcome = Placements()
    for board in boards:
        _place_pieces(board, holders, finals, outcome)
    written = _write(boards, outcome)
    transaction.on_commit(partial(_remember, boards))
    return {
        batch.delivery_id: DELETED_BEFORE
        if batch.delivery_id in gone
        else _effects(batch, outcome, written)
        for batch in batches
    }


def _finals(boards: Iterable[Candidates]) -> dict[UUID, list[Segment]]:
    """The final transcripts that some piece may be late speech of."""
    return final_words(
        {
            track.id
            for board in boards
            for track in board.tracks
            for piece in board.pieces
            if may_be_final(piece, track, gap_s=settings.SESSION_GAP_SECONDS)
        }
    )


def _place_pieces(
    board: Candidates,
    holders: dict[str, set[UUID]],
    finals: dict[UUID, list[Segment]],
    outcome: Placements,
) -> None:
    for piece in board.pieces:
        delivery_id = piece.batch.delivery_id
        places = outcome.went_to.setdefault(delivery_id, [])
        knowing = {
            outcome.final_id(pk)
            for segment in piece.segments
            for pk in holders.get(segment.key, ())
        }
        done = _already_final(piece, board.tracks, knowing, finals)
        if done is not None and board.place.sender_session_id is None:
            places.append((done.id, Change.ALREADY_FINAL))
            continue
        track = _track_for(piece, board, knowing, outcome)
        track.take(piece)
        places.append((track.id, None))
        pk, received_at = track.id, piece.received_at
        for segment in piece.segments:
            outcome.rows.append(SegmentRow(pk, segment, received_at, delivery_id))
        if board.unsure and piece is not board.pieces[-1]:
            for segment in piece.segments:
                holders.setdefault(segment.key, set()).add(pk)


def _already_final(
    piece: Utterance, tracks: Iterable[Track], knowing: set[UUID], finals: dict[UUID, list[Segment]]
) -> Track | None:
    for track in tracks:
        if track.finalised_at is None:
            continue
        if track.id in knowing or (track.id in finals and _is_in(piece, finals[track.id])):
            return track
    return None


def _is_in(piece: Utterance, final: Iterable[Segment]) -> bool:
    said = [word for segment in piece.segments for word in words_of(segment.text)]
    near = [word for segment in final if _near(piece, segment) for word in words_of(segment.text)]
    return bool(said) and share_found(said, near) >= SAME_SHARE


def _near(piece: Utterance, segment: Segment) -> bool:
    if piece.start_s is None or piece.end_s is None or segment.start_s is None:
        return True
    start_s, end_s = span_of(segment)
    return start_s <= piece.end_s + SAME_TIME_S and end_s >= piece.start_s - SAME_TIME_S


def _track_for(
    piece: Utterance, board: Candidates, knowing: set[UUID], outcome: Placements
) -> Track:
    if board.place.sender_session_id is not None:
        chosen = board.tracks[:1]
    else:
        chosen = sessions_for(piece, board.tracks, knowing, gap_s=settings.SESSION_GAP_SECONDS)
    if not chosen:
        at = piece.received_at
        fresh = Track(uuid7(), at, at, at, fresh=True)
        board.tracks.insert(0, fresh)
        outcome.made_by[fresh.id] = piece.batch.delivery_id
        return fresh
    # The oldest lives on, and nothing stored moves into a fresh one.
    kept = min(chosen, key=lambda track: (track.fresh, track.id))
    for track in chosen:
        if track is not kept:
            kept.absorb(track)
            board.tracks.remove(track)
            outcome.merged[track.id] = kept.id
    return kept


def _write(boards: Iterable[Candidates], outcome: Placements) -> dict[UUID, Written]:
    rows = outcome.rows
    if outcome.merged:
        rows = [row._replace(session_id=outcome.final_id(row.session_id)) for row in rows]
    tracks = [(board.place, track) for board in boards for track in board.tracks if track.touched]
    fresh = [(place, track) for place, track in tracks if track.fresh]
    counts = _counts(rows) if fresh else {}
    open_sessions([_session(place, track, counts[track.id]) for place, track in fresh])
    for _, track in tracks:
        for old in track.absorbed:
            session_sql.move(old, track.id)
    written = upsert_segments(rows)
    for board in boards:
        _settle(board, changed=written.keys())
    session_sql.update(
        (track, written[track.id].added if track.id in written else 0)
        for board in boards
        for track in board.tracks
        if track.touched and not track.fresh
    )
    return written


def _session(place: session_sql.Stream, track: Track, segment_count: int) -> OmiSession:
    stored = {**track.stored(), "version": track.version + 1}
    return OmiSession(**place._asdict(), **stored, segment_count=segment_count)


def _counts(rows: Iterable[SegmentRow]) -> dict[UUID, int]:
    """A new session holds all that it gets, once."""
    by_session = groupby(rows, key=attrgetter("session_id"))
    keys: dict[UUID, set[str]] = defaultdict(set)
    for session_id, found in by_session:
        keys[session_id].update(row.segment.key for row in found)
    return {pk: len(found) for pk, found in keys.items()}


def _settle(board: Candidates, *, changed: Collection[UUID]) -> None:
    """A session that was only told again what it held was not heard just now: it stays as it was.

    Each write bumps the session that it found to be the newest (see session_cache).
    """
    for track in board.tracks:
        if not (track.id in changed or track.fresh or track.absorbed):
            track.forget()
    if any(track.touched for track in board.tracks):
        for track in board.tracks:
            track.touched = track.touched or track.id == board.head_id


def _remember(boards: Sequence[Candidates]) -> None:
    lists = {}
    for board in boards:
        tracks = sorted(board.tracks, key=lambda t: (t.last_received_at, t.id), reverse=True)
        for track in tracks:
            track.version += track.touched
        lists[board.place] = tracks[: session_sql.NEWEST]
    hits = sum(board.recalled for board in boards)
    cache.remember(lists, hits=hits, misses=len(boards) - hits)


def _effects(batch: Batch, outcome: Placements, written: dict[UUID, Written]) -> list[Effect]:
    effects = {}
    for session_id, known in outcome.went_to.get(batch.delivery_id, ()):
        pk = outcome.final_id(session_id)
        change = known or _change(batch, pk, outcome, written)
        effects[pk] = Effect.on("session", pk, change)
    return list(effects.values())


def _change(batch: Batch, pk: UUID, outcome: Placements, written: dict[UUID, Written]) -> Change:
    if outcome.made_by.get(pk) == batch.delivery_id:
        return Change.CREATED
    changed = pk in written and any(segment.key in written[pk].keys for segment in batch.segments)
    return Change.UPDATED if changed else Change.UNCHANGED
