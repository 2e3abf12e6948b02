"""RMS, MAV, and the RMS envelope."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emg.analytics.samples import Samples, checked, window_samples

Floats = NDArray[np.floating]


def rms(samples: Samples) -> float | None:
    """Root mean square of samples without offset, in their unit; None if there are none."""
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else None


def mav(samples: Samples) -> float | None:
    """Mean absolute value (average rectified value) of samples without offset, in their unit."""
    return float(np.mean(np.abs(samples))) if len(samples) else None


def rms_envelope(samples: Samples, rate_hz: float, *, window_s: float) -> Samples:
    """Root of the centred moving mean of squares, shape (n,), in the unit of `samples`.

    These are without offset, not rectified, no NaN; ValueError for what `checked` refuses. The
    window is the nearest odd number of samples (0.05 s shows timing, 0.1 s is for amplitudes). At
    the edges it shrinks to the samples there are, so that no sample is counted twice and a
    constant stays constant.
    """
    squares = mean_squares(checked(samples, rate_hz), window_samples(window_s, rate_hz))
    return np.asarray(np.sqrt(squares, out=squares))


def mean_squares(samples: Floats, width: int) -> Floats:
    """The centred moving mean of squares over `width` samples, in the precision of `samples`."""
    squares = np.square(samples)
    ndimage.uniform_filter1d(squares, width, mode="constant", output=squares)
    restore_edges(squares, width)
    # The running sum of a filter may end a hair below zero after a loud passage.
    return np.maximum(squares, 0, out=squares)


def restore_edges(means: Floats, width: int) -> None:
    """Zeros were counted outside the signal: divide by the samples that the window really had."""
    count, half = len(means), width // 2
    outer = np.concatenate((np.arange(min(half, count)), np.arange(max(half, count - half), count)))
    held = np.minimum(outer + half, count - 1) - np.maximum(outer - half, 0) + 1
    means[outer] *= width / held


def trend(samples: Samples, *, points: int) -> Samples:
    """The maximum of each of at most `points` equal stretches: a thumbnail of an envelope."""
    width = max(1, -(-len(samples) // points))
    return np.asarray(np.maximum.reduceat(samples, np.arange(0, len(samples), width)))
