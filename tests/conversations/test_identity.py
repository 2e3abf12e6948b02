"""The rules that place speech, without a database."""

from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from conversations.segments import Batch, Segment
from conversations.transcripts.placement import Track, pieces_of, sessions_for
from omibackend.core.postgres.ids import uuid7
from tests.conversations.speech import at, batch, said

GAP_S = 120.0
TranscriptLine = dict[UUID, set[str]]


def place(batches: list[Batch]) -> list[set[str]]:
    """What sessions.add_batches does with its rows, in memory."""
    tracks: list[Track] = []
    heard: TranscriptLine = {}
    for one in batches:
        for piece in pieces_of(one, gap_s=GAP_S):
            keys = {segment.key for segment in piece.segments}
            knowing = {pk for pk, held in heard.items() if held & keys}
            chosen = sessions_for(piece, tracks, knowing, gap_s=GAP_S)
            if not chosen:
                now = piece.received_at
                chosen = [Track(uuid7(), now, now, now)]
                tracks.append(chosen[0])
            kept, *others = chosen
            for other in others:
                kept.absorb(other)
                tracks.remove(other)
                keys |= heard.pop(other.id)
            if not keys <= heard.get(kept.id, set()):
                kept.take(piece)
            heard.setdefault(kept.id, set()).update(keys)
    return sorted(heard.values(), key=min)


def linked(starts: list[int]) -> list[set[str]]:
    """Single linkage of one-second stretches, by hand."""
    groups: list[list[int]] = []
    for start in sorted(starts):
        if groups and start - (groups[-1][-1] + 1) <= GAP_S:
            groups[-1].append(start)
        else:
            groups.append([start])
    return sorted(({f"{start:05}" for start in group} for group in groups), key=min)


@given(
    starts=st.lists(st.integers(0, 3000), unique=True, min_size=1, max_size=12),
    cuts=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    shuffle=st.randoms(use_true_random=False),
)
def test_it_links_speech_alike_in_any_order_and_any_batches(
    starts: list[int], cuts: list[int], shuffle: Random
) -> None:
    segments = [said("w", start, key=f"{start:05}") for start in starts]
    shuffle.shuffle(segments)
    batches: list[Batch] = []
    rest = segments
    for cut in cuts:
        part, rest = rest[:cut], rest[cut:]
        if part:
            batches.append(batch(1, *part, heard_s=len(batches) * 0.02))
    again = [*batches, *batches]
    shuffle.shuffle(again)
    assert place(again) == linked(starts)


@given(
    lengths_s=st.lists(st.integers(90, 400), min_size=1, max_size=4),
    pauses_s=st.lists(st.integers(3, 300), min_size=4, max_size=4),
    delays_s=st.lists(st.floats(0.5, 40), min_size=12, max_size=12),
)
def test_it_parts_conversations_heard_live_however_late_deliveries_are(
    lengths_s: list[int], pauses_s: list[int], delays_s: list[float]
) -> None:
    """Omi's clock starts anew with each; single deliveries come up to 40 s late."""
    batches: list[Batch] = []
    expected: list[set[str]] = []
    begins_s = 0.0
    for number, (length_s, pause_s) in enumerate(zip(lengths_s, pauses_s, strict=False)):
        starts = range(0, length_s, 5)
        keys = [f"{number}-{start:05}" for start in starts]
        for index, start in enumerate(starts):
            # the first words are heard in time: nothing else tells that the clock began anew
            late_s = delays_s[index % 12] if index % 7 == 3 else 1.0
            heard_s = begins_s + start + 2 + late_s
            batches.append(batch(1, said("w", start, key=keys[index]), heard_s=heard_s))
        expected.append(set(keys))
        begins_s += length_s + pause_s
    assert place(sorted(batches, key=lambda one: one.received_at)) == sorted(expected, key=min)


def test_it_joins_nothing_that_was_parted_for_a_reason() -> None:
    ended, running = (
        Track(uuid7(), at(begun), at(begun), at(begun + 100), 0.0, 100.0) for begun in (0, 110)
    )
    (piece,) = pieces_of(batch(1, said("w", 101), heard_s=213), gap_s=GAP_S)
    assert sessions_for(piece, [running, ended], (), gap_s=GAP_S) == [running]


def test_it_reads_an_end_before_the_start_as_no_length() -> None:
    (piece,) = pieces_of(batch(1, Segment("k", "w", start_s=5, end_s=1)), gap_s=GAP_S)
    assert (piece.start_s, piece.end_s) == (5, 5)
