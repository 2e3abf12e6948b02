"""What arrives at one place at once, and the sessions that it may belong to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from conversations.segments import Batch
from conversations.transcripts import cache, session_sql
from conversations.transcripts.placement import (
    LATEST_S,
    Track,
    Utterance,
    apart_s,
    is_plain,
    pieces_of,
)
from conversations.transcripts.session_sql import Stream


@dataclass(slots=True)
class Candidates:
    """All that is arriving at one place, and the sessions it may belong to."""

    place: Stream
    batches: list[Batch] = field(default_factory=list)
    pieces: list[Utterance] = field(default_factory=list)
    unsure: list[Utterance] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    head_id: UUID | None = None
    recalled: bool = False

    def hold(self, tracks: list[Track]) -> None:
        self.tracks = tracks
        self.head_id = tracks[0].id if tracks else None
        gap_s = settings.SESSION_GAP_SECONDS
        if self.place.sender_session_id is None:
            self.unsure = [p for p in self.pieces if not is_plain(p, tracks, gap_s=gap_s)]

    def span(self) -> tuple[float, float] | None:
        starts = [piece.start_s for piece in self.pieces if piece.start_s is not None]
        ends = [piece.end_s for piece in self.pieces if piece.end_s is not None]
        return (min(starts), max(ends)) if starts and ends else None

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
        if len(self.tracks) < session_sql.NEWEST:
            return True
        return min(t.last_received_at for t in self.tracks) < self.heard_since()


def boards_of(batches: Iterable[Batch]) -> list[Candidates]:
    boards: dict[Stream, Candidates] = {}
    for batch in sorted(batches, key=lambda batch: batch.received_at):
        place = Stream.of(batch)
        pieces = list(pieces_of(batch, gap_s=_gap_s(place)))
        if pieces:
            board = boards.setdefault(place, Candidates(place))
            board.batches.append(batch)
            board.pieces += pieces
    return list(boards.values())


def _gap_s(place: Stream) -> float:
    """A session that the sender names has no silence that would end it."""
    return settings.SESSION_GAP_SECONDS if place.sender_session_id is None else float("inf")


def load(boards: Sequence[Candidates]) -> tuple[dict[str, set[UUID]], set[int]]:
    """Fills in the sessions, from memory where that is still true. Returns by the key of a segment
    which of them hold it, and the owners who deleted words before."""
    recalled = cache.recall([board.place for board in boards])
    for board in boards:
        board.hold(recalled.get(board.place, []))
        board.recalled = board.place in recalled and board.holds_all()
    deleters = _read(board for board in boards if not board.recalled)
    checked = _check(boards)
    old = [
        board
        for board in boards
        if any(checked.versions.get(track.id) != track.version for track in board.tracks)
    ]
    deleters |= checked.deleters
    if not old:
        return checked.holders, deleters
    deleters |= _read(old)
    return _check(boards).holders, deleters


def _read(boards: Iterable[Candidates]) -> set[int]:
    """Returns the owners who deleted words before."""
    wanted = list(boards)
    if not wanted:
        return set()
    found, deleters = session_sql.newest([board.place for board in wanted])
    for board in wanted:
        board.recalled = False
        board.hold(found[board.place])
    spans = {
        board.place: span for board in wanted if not board.holds_all() and (span := board.span())
    }
    if spans:
        since = min(board.heard_since() for board in wanted)
        more = session_sql.around(spans, gap_s=settings.SESSION_GAP_SECONDS, since=since)
        for board in wanted:
            held = {track.id for track in board.tracks}
            board.tracks += [t for t in more.get(board.place, []) if t.id not in held]
    return deleters


def _check(boards: Iterable[Candidates]) -> session_sql.Checked:
    return session_sql.check(
        [(track.id, board.keys_near(track)) for board in boards for track in board.tracks]
    )
