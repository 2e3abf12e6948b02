"""A stretch of one channel as it is drawn: extremes and envelope, straight from the file.

Whatever the length of a recording, only a few ten thousand samples are in memory at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from emg import c3d
from emg.analytics.amplitude import mean_squares
from emg.analytics.conditioning import bridge, design
from emg.analytics.parameters import Parameters
from emg.analytics.samples import LOWEST_RATE_HZ, Samples, window_samples

# Larger arrays would be given back to the system and taken anew for each piece, in the threads of a
# server at least, and that costs more than all that is calculated here.
PIECE_SAMPLES = 1 << 15
# By then the response of the band-pass has died away to a millionth.
SETTLED_S = 0.25
AROUND_S = 2 * SETTLED_S


@dataclass(frozen=True)
class Drawn:
    """One value for each bucket of samples; NaN where all its samples are missing."""

    # The smallest and the largest sample as recorded: no spike is lost.
    low: Samples
    high: Samples
    # The highest of the RMS envelope. Empty for a channel that holds no EMG.
    envelope: Samples


def draw(
    file: c3d.SeekableFile,
    metadata: c3d.Metadata,
    channel: int,
    *,
    start: int,
    stop: int,
    bucket: int,
    parameters: Parameters | None,
) -> Drawn:
    """Samples `start` to `stop` of a channel in buckets of `bucket` samples; the last may be short.

    The envelope has the band and window of `parameters`, in which contractions are measured; None
    for a channel that holds no EMG. Raises what `c3d.read_channel` does.

    The band-pass is that of `conditioning.band_pass` up to a millionth, but by FFT, which takes a
    third of the time. It differs within the first and last quarter of a second of a recording,
    where either has to guess what was before.
    """
    rate_hz = metadata.sampling_rate_hz
    if rate_hz < LOWEST_RATE_HZ:
        parameters = None
    around = round(AROUND_S * rate_hz) if parameters else 0
    found = []
    for first, last in _pieces(start, stop, bucket):
        before = min(around, first)
        end = min(last + around, metadata.sample_count)
        samples = c3d.read_channel(file, metadata, channel, start=first - before, stop=end)
        own = slice(before, before + last - first)
        found.append(_drawn(samples, own, bucket, rate_hz, parameters))
    return Drawn(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _pieces(start: int, stop: int, bucket: int) -> Iterator[tuple[int, int]]:
    """Of whole buckets."""
    step = max(1, PIECE_SAMPLES // bucket) * bucket
    for first in range(start, stop, step):
        yield first, min(first + step, stop)


def _drawn(
    samples: Samples, own: slice, bucket: int, rate_hz: float, parameters: Parameters | None
) -> tuple[Samples, Samples, Samples]:
    finite = np.isfinite(samples)
    if not finite.all():
        samples[~finite] = np.nan
    mine = samples[own]
    at = np.arange(0, len(mine), bucket)
    low, high = np.fmin.reduceat(mine, at), np.fmax.reduceat(mine, at)
    if parameters is None:
        return low, high, np.zeros(0)
    if not finite.any():
        return low, high, np.full(len(at), np.nan)
    whole = samples if finite.all() else bridge(samples, finite)
    # Numbers that are no voltages may be too large for 32 bits: drawn as missing.
    with np.errstate(over="ignore", invalid="ignore"):
        passed = band_passed(whole, rate_hz, parameters)
        squares = mean_squares(passed, window_samples(parameters.amplitude_s, rate_hz))
    # The root of the largest is the largest of the roots.
    return low, high, np.sqrt(np.maximum.reduceat(squares[own], at), dtype=np.float64)


def band_passed(samples: Samples, rate_hz: float, parameters: Parameters) -> NDArray[np.float32]:
    """Zero-phase, by overlapping blocks: many short transforms cost less than a long one."""
    settled = round(SETTLED_S * rate_hz)
    gain = _gain(parameters, rate_hz, 1 << (16 * settled - 1).bit_length())
    length = 2 * (len(gain) - 1)
    step = length - 2 * settled
    blocks = -(-len(samples) // step)
    padded = _mirrored(samples, settled, behind=settled + blocks * step - len(samples))
    overlapping = np.lib.stride_tricks.sliding_window_view(padded, length)[::step]
    spectrum = fft.rfft(overlapping, axis=1)
    spectrum *= gain
    passed = fft.irfft(spectrum, length, axis=1, overwrite_x=True)
    kept: NDArray[np.float32] = passed[:, settled : settled + step].reshape(-1)[: len(samples)]
    return kept


def _mirrored(samples: Samples, settled: int, *, behind: int) -> NDArray[np.float32]:
    """Without offset. Goes on as if turned around its ends, so that no step starts the filter
    ringing; zeros after that."""
    count = len(samples)
    found = np.zeros(settled + count + behind, np.float32)
    centred = found[settled : settled + count]
    np.subtract(samples, samples.mean(), out=centred, casting="same_kind")
    if most := min(settled, count - 1):
        found[settled - most : settled] = 2 * centred[0] - centred[most:0:-1]
        found[settled + count :][:most] = 2 * centred[-1] - centred[-2 : -2 - most : -1]
    return found


@lru_cache(maxsize=32)
def _gain(parameters: Parameters, rate_hz: float, length: int) -> NDArray[np.float32]:
    """Of the band-pass run forwards and backwards, at the frequencies of a block's transform."""
    sections = design(parameters, rate_hz)
    at_hz = np.fft.rfftfreq(length, 1 / rate_hz)
    response = signal.sosfreqz(sections, worN=at_hz, fs=rate_hz)[1]
    return np.asarray(np.abs(response) ** 2, np.float32)
