"""Samples of one channel, and what is asked of them everywhere."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
RealSamples = NDArray[np.floating | np.integer]
Mask = NDArray[np.bool_]
Interval = tuple[float, float]

LOWEST_RATE_HZ = 100.0


def checked(samples: RealSamples, rate_hz: float) -> Samples:
    """The samples as float64, or ValueError with the reason why they cannot be analysed."""
    if not np.isfinite(rate_hz) or rate_hz < LOWEST_RATE_HZ:
        raise ValueError(f"A sampling rate of {rate_hz} Hz is too low for EMG.")
    if np.ndim(samples) != 1:
        raise ValueError("One channel has one dimension.")
    return np.asarray(samples, dtype=np.float64)


def window_samples(window_s: float, rate_hz: float) -> int:
    """The odd number of samples nearest to `window_s`: an even window is half a sample off."""
    return 2 * round((window_s * rate_hz - 1) / 2) + 1 if window_s * rate_hz > 1 else 1


def runs(mask: Mask) -> NDArray[np.intp]:
    """The runs of True as rows of (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges.reshape(-1, 2)
