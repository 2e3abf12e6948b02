"""One channel, whole or in part."""

import tracemalloc

import numpy as np
import pytest

from emg import c3d
from tests.emg.c3d_files import C3DFile
from tests.emg.reading import FLOATS, Counting, opened


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 200), (0, 1), (3, 17), (10, 20), (199, 200), (5, 5)]
)
def test_it_reads_a_part(start: int, stop: int) -> None:
    metadata, source = opened(C3DFile(FLOATS, point_count=1))
    part = c3d.read_channel(source, metadata, 1, start=start, stop=stop)
    np.testing.assert_array_equal(part, FLOATS[1, start:stop])


def test_it_reads_only_the_frames_of_a_part() -> None:
    metadata, source = opened(C3DFile(FLOATS))
    before = source.read_bytes
    c3d.read_channel(source, metadata, 0, start=95, stop=105)
    assert source.read_bytes - before == 2 * metadata.layout.frame_bytes


@pytest.mark.parametrize("chunk_bytes", [1, 1000, 1 << 20])
def test_it_reads_piece_by_piece(chunk_bytes: int) -> None:
    metadata, source = opened(C3DFile(FLOATS))
    options = {"start": 7, "stop": 193, "chunk_bytes": chunk_bytes}
    pieces = list(c3d.iter_channel(source, metadata, 2, **options))
    np.testing.assert_array_equal(np.concatenate(pieces), FLOATS[2, 7:193])
    most = max(chunk_bytes, metadata.layout.frame_bytes) // 12
    assert max(len(piece) for piece in pieces) <= most


def test_it_holds_no_more_than_a_piece_of_the_file() -> None:
    metadata, source = opened(C3DFile(np.ones((10, 200_000)), per_frame=10))
    tracemalloc.start()
    for piece in c3d.iter_channel(source, metadata, 0, chunk_bytes=100_000):
        assert (piece == 1).all()
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 300_000


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 201)])
def test_it_refuses_a_part_that_is_not_there(start: int, stop: int) -> None:
    metadata, source = opened(C3DFile(FLOATS))
    with pytest.raises(ValueError, match="are not in 0 to 200"):
        c3d.read_channel(source, metadata, 0, start=start, stop=stop)


@pytest.mark.parametrize("channel", [-1, 3])
def test_it_refuses_a_channel_that_is_not_there(channel: int) -> None:
    metadata, source = opened(C3DFile(FLOATS))
    with pytest.raises(IndexError, match="There are 3 channels"):
        c3d.read_channel(source, metadata, channel)


class Trickling(Counting):
    """A source that hands over what it has, not what it was asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 100))


def test_it_asks_again_for_what_did_not_come_at_once() -> None:
    encoded = C3DFile(FLOATS).encoded()
    source = Trickling(encoded)
    metadata = c3d.read_metadata(source, size_bytes=len(encoded))
    np.testing.assert_array_equal(c3d.read_channel(source, metadata, 1), FLOATS[1])
