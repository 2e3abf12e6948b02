"""Live speech goes into sessions: many deliveries at once, in any order, as often as they come."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from conversations import session_cache, session_rows
from conversations.finals import replace_transcript
from conversations.identity import (
    LATEST_S,
    Batch,
    Piece,
    Segment,
    Track,
    apart_s,
    is_plain,
    may_be_final,
    pieces_of,
    sessions_for,
    span_of,
)
from conversations.session_cache import cache_counts
from conversations.session_rows import Place, SegmentRow, Span, Written
from conversations.words import share_found, words_of
from omibackend.core.ids import uuid7
from omibackend.core.leased import Became

__all__ = ["Batch", "Segment", "add_batches", "cache_counts", "replace_transcript"]

# This much of what was said, word for word and at the same time, makes it the same speech.
SAME_SHARE = 0.6
SAME_TIME_S = 3.0


@dataclass(slots=True)
class Board:
    """All that is arriving at one place, and the sessions it may belong to."""

    place: Place
    batches: list[Batch] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    unsure: list[Piece] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    head_id: UUID | None = None
    recalled: bool = False

    def hold(self, tracks: list[Track]) -> None:
        self.tracks = tracks
        self.head_id = tracks[0].id if tracks else None
        gap_s = settings.SESSION_GAP_SECONDS
        if self.place.sender_session_id is None:
            self.unsure = [p for p in self.pieces if not is_plain(p, tracks, gap_s=gap_s)]

    def span(self) -> Span | None:
        timed = [
            (piece.start_s, piece.end_s)
            for piece in self.pieces
            if piece.start_s is not None and piece.end_s is not None
        ]
        if not timed:
            return None
        return Span(min(start for start, _ in timed), max(end for _, end in timed))

    def keys_near(self, track: Track) -> set[str]:
        """The segments that it matters of whether this session holds them. One told again has
        its old time: only sessions near that can hold it."""
        gap_s = settings.SESSION_GAP_SECONDS
        return {
            segment.key
            for piece in self.unsure
            if apart_s(piece, track) <= gap_s
            for segment in piece.segments
        }

    def heard_since(self) -> datetime:
        return min(batch.received_at for batch in self.batches) - timedelta(seconds=LATEST_S)

    def holds_all(self) -> bool:
        """Whether the newest sessions are all that matter here."""
        if len(self.tracks) < session_rows.NEWEST:
            return True
        return min(t.last_received_at for t in self.tracks) < self.heard_since()


@dataclass(slots=True)
class Outcome:
    """Where everything went: filled by the rules first, written to PostgreSQL then."""

    rows: list[SegmentRow] = field(default_factory=list)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    made_by: dict[UUID, UUID] = field(default_factory=dict)
    went_to: dict[UUID, list[tuple[UUID, str]]] = field(default_factory=dict)

    def final_id(self, session_id: UUID) -> UUID:
        while session_id in self.merged:
            session_id = self.merged[session_id]
        return session_id


def add_batches(batches: Sequence[Batch]) -> dict[UUID, Became]:
    """Stores the segments of many deliveries in the caller's transaction.

    Returns what became of each delivery. The wearables are locked until the transaction ends.
    """
    boards = _boards(batches)
    if not boards:
        return {batch.delivery_id: [] for batch in batches}
    session_rows.lock((board.place.owner_id, board.place.uid) for board in boards)
    holders = _load(boards)
    finals = _finals(boards)
    outcome = Outcome()
    for board in boards:
        _place_pieces(board, holders, finals, outcome)
    written = _write(boards, outcome)
    transaction.on_commit(partial(_remember, boards))
    return {batch.delivery_id: _became(batch, outcome, written) for batch in batches}


def _boards(batches: Iterable[Batch]) -> list[Board]:
    boards: dict[Place, Board] = {}
    for batch in sorted(batches, key=lambda batch: batch.received_at):
        place = Place.of(batch)
        pieces = list(pieces_of(batch, gap_s=_gap_s(place)))
        if pieces:
            board = boards.setdefault(place, Board(place))
            board.batches.append(batch)
            board.pieces += pieces
    return list(boards.values())


def _gap_s(place: Place) -> float:
    """A session that the sender names has no silence that would end it."""
    return settings.SESSION_GAP_SECONDS if place.sender_session_id is None else float("inf")


def _load(boards: Sequence[Board]) -> dict[str, set[UUID]]:
    """Fills in the sessions, from memory where that is still true; returns who holds which key."""
    recalled = session_cache.recall([board.place for board in boards])
    for board in boards:
        board.hold(recalled.get(board.place, []))
        board.recalled = board.place in recalled and board.holds_all()
    _read(board for board in boards if not board.recalled)
    checked = _check(boards)
    old = [
        board
        for board in boards
        if any(checked.versions.get(track.id) != track.version for track in board.tracks)
    ]
    if not old:
        return checked.holders
    _read(old)
    return _check(boards).holders


def _read(boards: Iterable[Board]) -> None:
    wanted = list(boards)
    if not wanted:
        return
    found = session_rows.newest([board.place for board in wanted])
    for board in wanted:
        board.recalled = False
        board.hold(found[board.place])
    spans = {
        board.place: span for board in wanted if not board.holds_all() and (span := board.span())
    }
    if spans:
        since = min(board.heard_since() for board in wanted)
        more = session_rows.around(spans, gap_s=settings.SESSION_GAP_SECONDS, since=since)
        for board in wanted:
            held = {track.id for track in board.tracks}
            board.tracks += [t for t in more.get(board.place, []) if t.id not in held]


def _check(boards: Iterable[Board]) -> session_rows.Checked:
    return session_rows.check(
        [(track.id, board.keys_near(track)) for board in boards for track in board.tracks]
    )


def _finals(boards: Iterable[Board]) -> dict[UUID, list[Segment]]:
    """The final transcripts that some piece may be late speech of."""
    return session_rows.final_words(
        {
            track.id
            for board in boards
            for track in board.tracks
            for piece in board.pieces
            if may_be_final(piece, track, gap_s=settings.SESSION_GAP_SECONDS)
        }
    )


def _place_pieces(
    board: Board,
    holders: dict[str, set[UUID]],
    finals: dict[UUID, list[Segment]],
    outcome: Outcome,
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
            places.append((done.id, "already final"))
            continue
        track = _track_for(piece, board, knowing, outcome)
        track.take(piece)
        places.append((track.id, ""))
        pk, received_at = track.id, piece.received_at
        for segment in piece.segments:
            outcome.rows.append(SegmentRow(pk, segment, received_at, delivery_id))
        if board.unsure:
            for segment in piece.segments:
                holders.setdefault(segment.key, set()).add(pk)


def _already_final(
    piece: Piece, tracks: Iterable[Track], knowing: set[UUID], finals: dict[UUID, list[Segment]]
) -> Track | None:
    for track in tracks:
        if track.finalised_at is None:
            continue
        if track.id in knowing or (track.id in finals and _is_in(piece, finals[track.id])):
            return track
    return None


def _is_in(piece: Piece, final: Iterable[Segment]) -> bool:
    said = [word for segment in piece.segments for word in words_of(segment.text)]
    near = [word for segment in final if _near(piece, segment) for word in words_of(segment.text)]
    return bool(said) and share_found(said, near) >= SAME_SHARE


def _near(piece: Piece, segment: Segment) -> bool:
    if piece.start_s is None or piece.end_s is None or segment.start_s is None:
        return True
    start_s, end_s = span_of(segment)
    return start_s <= piece.end_s + SAME_TIME_S and end_s >= piece.start_s - SAME_TIME_S


def _track_for(piece: Piece, board: Board, knowing: set[UUID], outcome: Outcome) -> Track:
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
    # The oldest lives on. A fresh one's id is the greatest, so that nothing stored moves to it.
    kept = min(chosen, key=lambda track: track.id)
    for track in chosen:
        if track is not kept:
            kept.absorb(track)
            board.tracks.remove(track)
            outcome.merged[track.id] = kept.id
    return kept


def _write(boards: Iterable[Board], outcome: Outcome) -> dict[UUID, Written]:
    tracks = [(board.place, track) for board in boards for track in board.tracks if track.touched]
    session_rows.insert((place, track) for place, track in tracks if track.fresh)
    for _, track in tracks:
        for old in track.absorbed:
            session_rows.move(old, track.id)
    rows = outcome.rows
    if outcome.merged:
        rows = [row._replace(session_id=outcome.final_id(row.session_id)) for row in rows]
    written = session_rows.upsert(rows)
    for board in boards:
        _settle(board, changed=written.keys())
    session_rows.update(
        (track, written[track.id].added if track.id in written else 0)
        for board in boards
        for track in board.tracks
        if track.touched
    )
    return written


def _settle(board: Board, *, changed: Collection[UUID]) -> None:
    """A session that was only told again what it held was not heard just now: it stays as it was.

    Each write bumps the session that it found to be the newest (see session_cache).
    """
    for track in board.tracks:
        if not (track.id in changed or track.fresh or track.absorbed):
            track.forget()
    if any(track.touched for track in board.tracks):
        for track in board.tracks:
            track.touched = track.touched or track.id == board.head_id


def _remember(boards: Sequence[Board]) -> None:
    lists = {}
    for board in boards:
        tracks = sorted(board.tracks, key=lambda t: (t.last_received_at, t.id), reverse=True)
        for track in tracks:
            track.version += track.touched
        lists[board.place] = tracks[: session_rows.NEWEST]
    hits = sum(board.recalled for board in boards)
    session_cache.remember(lists, hits=hits, misses=len(boards) - hits)


def _became(batch: Batch, outcome: Outcome, written: dict[UUID, Written]) -> Became:
    became = {}
    for session_id, how in outcome.went_to.get(batch.delivery_id, ()):
        pk = outcome.final_id(session_id)
        became[pk] = {
            "kind": "session",
            "id": str(pk),
            "how": how or _how(batch, pk, outcome, written),
        }
    return list(became.values())


def _how(batch: Batch, pk: UUID, outcome: Outcome, written: dict[UUID, Written]) -> str:
    if outcome.made_by.get(pk) == batch.delivery_id:
        return "created"
    changed = pk in written and any(segment.key in written[pk].keys for segment in batch.segments)
    return "updated" if changed else "unchanged"
