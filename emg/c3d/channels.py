"""The samples of one channel, without the others."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from emg.c3d.errors import TruncatedC3D
from emg.c3d.metadata import Channel, Metadata
from emg.c3d.source import SeekableFile, read_at

CHUNK_BYTES = 1 << 20
Samples = NDArray[np.float64]


def iter_channel(
    file: SeekableFile,
    metadata: Metadata,
    channel: int,
    *,
    start: int = 0,
    stop: int | None = None,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[Samples]:
    """One channel in consecutive pieces of physical values, (stored - offset) * scale, in its unit.

    https://c3d.org/HTML/Documents/analogdatastorage.htm

    Parameters
    ----------
    channel : int
        Place in `metadata.channels`, from 0.
    start, stop : int, optional
        Samples of the channel to yield, the last one exclusive. Default all. Only the frames that
        hold them are read.
    chunk_bytes : int, optional
        About how much of the file is in memory at once, by one read; at least one frame.

    Raises
    ------
    IndexError
        There is no such channel.
    ValueError
        Not 0 <= start <= stop <= metadata.sample_count.
    TruncatedC3D
        The file has become shorter since its metadata was read.
    """
    stop = metadata.sample_count if stop is None else stop
    _check(metadata, channel, start=start, stop=stop)
    scaling = metadata.channels[channel]
    per_frame = metadata.layout.samples_per_frame
    at_a_time = max(1, chunk_bytes // metadata.layout.frame_bytes)
    end = -(-stop // per_frame)
    for frame in range(start // per_frame, end if start < stop else 0, at_a_time):
        stored = _stored(file, metadata, channel, frame, min(at_a_time, end - frame))
        first = frame * per_frame
        yield _physical(stored[max(0, start - first) : stop - first], scaling)


def read_channel(
    file: SeekableFile,
    metadata: Metadata,
    channel: int,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Samples:
    """One channel, or a part of it, as one array, shape (stop - start,), as `iter_channel` reads
    it: besides it, no more than a chunk of the file is in memory."""
    stop = metadata.sample_count if stop is None else stop
    samples = np.empty(max(0, stop - start))
    filled = 0
    for piece in iter_channel(file, metadata, channel, start=start, stop=stop):
        samples[filled : filled + len(piece)] = piece
        filled += len(piece)
    return samples


def _check(metadata: Metadata, channel: int, *, start: int, stop: int) -> None:
    if not 0 <= channel < metadata.channel_count:
        raise IndexError(f"There are {metadata.channel_count} channels, no number {channel}.")
    if not 0 <= start <= stop <= metadata.sample_count:
        raise ValueError(f"Samples {start} to {stop} are not in 0 to {metadata.sample_count}.")


def _stored(
    file: SeekableFile, metadata: Metadata, channel: int, frame: int, count: int
) -> NDArray[np.float64] | NDArray[np.integer]:
    """The channel's words in `count` frames from number `frame`, as numbers."""
    layout = metadata.layout
    wanted_bytes = count * layout.frame_bytes
    chunk = read_at(file, layout.data_start_bytes + frame * layout.frame_bytes, wanted_bytes)
    if len(chunk) < wanted_bytes:
        ends_within = frame + len(chunk) // layout.frame_bytes + 1
        raise TruncatedC3D(f"The file has become shorter: it ends within frame {ends_within:,}.")
    frames = np.frombuffer(chunk, layout.word).reshape(count, layout.frame_words)
    first = layout.frame_words - layout.analog_words + channel
    words = frames[:, first :: layout.channel_count].ravel()
    return layout.processor.floats(words) if layout.is_float else words


def _physical(stored: NDArray[np.float64] | NDArray[np.integer], channel: Channel) -> Samples:
    """64-bit floats hold any 16-bit sample less its offset, and any 32-bit float."""
    values = stored.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore"):
        if channel.offset:
            values -= channel.offset
        if channel.scale != 1:
            values *= channel.scale
    return values
