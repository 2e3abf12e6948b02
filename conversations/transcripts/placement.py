"""Which session a piece of speech belongs to: rules without a database.

Omi sends the uid as `session_id` for ever, and `start` counts from the beginning of the running
conversation. So pieces that lie close on the sender's clock are one session, by single linkage:
the outcome does not depend on the order of arrival. The wall clock is asked only whether a piece
can still be late speech of a session, or must belong to a conversation begun after it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from conversations.segments import Batch, Segment

# Omi gives a delivery up after tries at 1, 5 and 30 s.
RETRIED_FOR_S = 45.0
# No delivery is later than this: what seems to be is another conversation.
LATEST_S = 3600.0
# A session heard as it was spoken covers about as much wall clock as speech.
LIVE_SLACK_S = 30.0
# Two deliveries of one conversation are on their way for about equally long.
JITTER_S = 1.0


# What of a session is stored and remembered, in the order of a `Track`.
STORED = (
    *("id", "started_at", "first_received_at", "last_received_at"),
    *("min_start_s", "max_end_s", "finalised_at", "version"),
)


@dataclass(slots=True)
class Track:
    """What is known of a session: enough to place speech in it."""

    id: UUID
    started_at: datetime
    first_received_at: datetime
    last_received_at: datetime
    min_start_s: float | None = None
    max_end_s: float | None = None
    finalised_at: datetime | None = None
    version: int = 0
    fresh: bool = False
    touched: bool = False
    absorbed: list[UUID] = field(default_factory=list)
    before: "Track | None" = None

    @property
    def length_s(self) -> float:
        return (self.max_end_s or 0.0) - (self.min_start_s or 0.0)

    @property
    def is_long(self) -> bool:
        """Long enough to tell from its pace how it arrived."""
        return self.length_s >= LIVE_SLACK_S

    def stored(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STORED}

    def heard_live(self) -> bool:
        """Whether it arrived about as fast as it was spoken, and not out of a backlog."""
        wall_s = (self.last_received_at - self.first_received_at).total_seconds()
        return not self.is_long or wall_s >= max(self.length_s - LIVE_SLACK_S, self.length_s / 2)

    def take(self, piece: "Utterance") -> None:
        if not self.touched:
            self.before = copy(self)
        self.touched = True
        self.first_received_at = min(self.first_received_at, piece.received_at)
        self.last_received_at = max(self.last_received_at, piece.received_at)
        if piece.start_s is None or piece.end_s is None:
            if self.min_start_s is None:
                self.started_at = self.first_received_at
            return
        timed = self.min_start_s is not None and self.max_end_s is not None
        self.started_at = min(self.started_at, piece.began_at) if timed else piece.began_at
        self._span(piece.start_s, piece.end_s)

    def forget(self) -> None:
        """Undoes every `take`."""
        if self.before is not None:
            for name, value in self.before.stored().items():
                setattr(self, name, value)
        self.touched = False

    def absorb(self, other: "Track") -> None:
        self.touched = True
        self.absorbed += [*([] if other.fresh else [other.id]), *other.absorbed]
        self.started_at = min(self.started_at, other.started_at)
        self.first_received_at = min(self.first_received_at, other.first_received_at)
        self.last_received_at = max(self.last_received_at, other.last_received_at)
        if other.min_start_s is not None and other.max_end_s is not None:
            self._span(other.min_start_s, other.max_end_s)

    def _span(self, start_s: float, end_s: float) -> None:
        self.min_start_s = start_s if self.min_start_s is None else min(self.min_start_s, start_s)
        self.max_end_s = end_s if self.max_end_s is None else max(self.max_end_s, end_s)


@dataclass(frozen=True, slots=True)
class Utterance:
    """Segments of one batch without a silence between them that would part sessions."""

    batch: Batch
    segments: tuple[Segment, ...]
    start_s: float | None
    end_s: float | None

    @property
    def received_at(self) -> datetime:
        return self.batch.received_at

    @property
    def began_at(self) -> datetime:
        """The latest moment at which its conversation can have begun."""
        return self.batch.received_at - timedelta(seconds=self.end_s or 0.0)


def span_of(segment: Segment) -> tuple[float, float]:
    start_s = segment.start_s or 0.0
    return start_s, max(start_s, segment.end_s if segment.end_s is not None else start_s)


def pieces_of(batch: Batch, *, gap_s: float) -> Iterator[Utterance]:
    timed = [segment for segment in batch.segments if segment.start_s is not None]
    untimed = tuple(segment for segment in batch.segments if segment.start_s is None)
    if not timed:
        if untimed:
            yield Utterance(batch, untimed, None, None)
        return
    timed.sort(key=lambda segment: span_of(segment)[0])
    group: list[Segment] = []
    begin_s, end_s = span_of(timed[0])
    for segment in timed:
        from_s, to_s = span_of(segment)
        if from_s - end_s > gap_s:
            yield Utterance(batch, (*group, *untimed), begin_s, end_s)
            group, untimed, begin_s, end_s = [], (), from_s, to_s
        group.append(segment)
        end_s = max(end_s, to_s)
    yield Utterance(batch, (*group, *untimed), begin_s, end_s)


def apart_s(one: Track | Utterance, other: Track | Utterance) -> float:
    """The silence between the two on the sender's clock."""
    (a, b), (c, d) = _ends(one), _ends(other)
    if a is None or b is None or c is None or d is None:
        return 0.0
    return max(0.0, c - b, a - d)


def _ends(of: Track | Utterance) -> tuple[float | None, float | None]:
    if isinstance(of, Track):
        return of.min_start_s, of.max_end_s
    return of.start_s, of.end_s


def fits(piece: Utterance, track: Track, *, gap_s: float) -> bool:
    if track.finalised_at is not None:
        return False
    if piece.start_s is None or track.max_end_s is None:
        return _silent_s(piece, track) <= gap_s
    return apart_s(piece, track) <= gap_s and not _began_after(piece, track)


def _silent_s(piece: Utterance, track: Track) -> float:
    """The silence between the two on the wall clock."""
    after = (piece.received_at - track.last_received_at).total_seconds()
    before = (track.first_received_at - piece.received_at).total_seconds()
    return max(0.0, after, before)


def _began_after(piece: Utterance, track: Track) -> bool:
    """Whether this is not late speech of the session, but the conversation after it.

    Shuffled deliveries must not look like that: they come at once, or the session they belong to
    did not arrive at the pace of speech. Omi's own order is lost for `RETRIED_FOR_S` at most.
    """
    assert piece.start_s is not None  # noqa: S101 (for the type checker)
    assert track.max_end_s is not None  # noqa: S101
    late_s = (piece.began_at - track.started_at).total_seconds()
    if late_s > LATEST_S:
        return True
    if piece.start_s >= track.max_end_s or late_s <= RETRIED_FOR_S or not track.heard_live():
        return False
    # From the session's last word to the earliest that this conversation can have begun.
    pause_s = late_s - track.max_end_s
    since_s = pause_s + (piece.end_s or 0.0)
    follows = track.is_long and pause_s >= -JITTER_S and since_s >= JITTER_S
    return pause_s >= RETRIED_FOR_S or follows


def is_plain(piece: Utterance, tracks: Iterable[Track], *, gap_s: float) -> bool:
    """Whether no session but one comes into question, whoever holds which segment."""
    near = [track for track in tracks if apart_s(piece, track) <= gap_s]
    return len(near) == 1 and fits(piece, near[0], gap_s=gap_s)


def sessions_for(
    piece: Utterance, tracks: Sequence[Track], knowing: Collection[UUID], *, gap_s: float
) -> list[Track]:
    """The sessions that the piece belongs to, the best first; the others it bridges to that.

    `knowing`: the sessions that hold one of its segments already. None at all: a new session.
    """
    fitting = [track for track in tracks if fits(piece, track, gap_s=gap_s)]
    known = [track for track in tracks if track.id in knowing and track.finalised_at is None]
    best = known[0] if known else _nearest(piece, fitting)
    if best is None:
        return []
    chosen = [best]
    for track in fitting:
        # Sessions this close were parted for a reason: a piece that touches both joins nothing.
        if all(apart_s(track, other) > gap_s for other in chosen):
            chosen.append(track)
    return chosen


def _nearest(piece: Utterance, fitting: Sequence[Track]) -> Track | None:
    """Of several that fit, the one that began when the piece's conversation did."""
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    return min(fitting, key=lambda track: abs(piece.began_at - track.started_at))


def may_be_final(piece: Utterance, track: Track, *, gap_s: float) -> bool:
    """Whether the piece may be late speech of a conversation whose final transcript is here."""
    if track.finalised_at is None or apart_s(piece, track) > gap_s:
        return False
    return piece.began_at < track.finalised_at + timedelta(seconds=RETRIED_FOR_S)
