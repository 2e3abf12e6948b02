"""RMS, MAV, the RMS envelope, and a drawing of a signal that loses no spike."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from emg.analytics.samples import Samples, checked, window_samples

Floats = NDArray[np.floating]


def rms(samples: Samples) -> float | None:
    """Root mean square, in the unit of `samples`; None if there are none.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        Without offset, not rectified.
    """
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else None


def mav(samples: Samples) -> float | None:
    """Mean absolute value (average rectified value), in the unit of `samples`.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        Without offset, not rectified.
    """
    return float(np.mean(np.abs(samples))) if len(samples) else None


def rms_envelope(samples: Samples, rate_hz: float, *, window_s: float) -> Samples:
    """Root of the centred moving mean of squares.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        Without offset, not rectified, no NaN.
    rate_hz : float
        Sampling rate, at least 100 Hz.
    window_s : float
        Window; its length in samples is the nearest odd number. 0.05 s shows timing, 0.1 s is
        for amplitudes.

    Returns
    -------
    ndarray, shape (n,)
        In the unit of `samples`. At the edges the window shrinks to the samples there are, so that
        no sample is counted twice and a constant stays constant.

    Raises
    ------
    ValueError
        If `samples` is not one-dimensional, or the rate is below 100 Hz.
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


def decimate(samples: Samples, *, points: int) -> tuple[NDArray[np.intp], Samples]:
    """The smallest and the largest sample of each of `points` / 2 equal stretches, in their order.

    A spike of a single sample is drawn whatever the zoom, which neither every n-th sample nor a
    mean would do.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        NaN is skipped; a stretch of nothing but NaN stays NaN, so that a gap is seen as a gap.
    points : int
        Most points to return, at least 2.

    Returns
    -------
    index : ndarray of int, shape (m,), m <= points
        Where each point stands in `samples`, rising.
    values : ndarray, shape (m,)
        `samples[index]`.

    Raises
    ------
    ValueError
        If `points` is below 2 or `samples` is not one-dimensional.
    """
    if points < 2 or np.ndim(samples) != 1:
        raise ValueError("At least two points of one channel.")
    if len(samples) <= points:
        return np.arange(len(samples)), samples
    width = -(-len(samples) // (points // 2))
    whole = len(samples) // width
    rows = samples[: whole * width].reshape(whole, width)
    index = [extremes(rows) + np.arange(whole)[:, None] * width]
    if len(rest := samples[whole * width :]):
        index.append(extremes(rest[None, :]) + whole * width)
    found = np.unique(np.concatenate(index))
    return found, samples[found]


def extremes(rows: Samples) -> NDArray[np.intp]:
    """Where the smallest and the largest of each row are; NaN counts only where all are NaN."""
    missing = np.isnan(rows)
    low = np.where(missing, np.inf, rows).argmin(axis=1)
    high = np.where(missing, -np.inf, rows).argmax(axis=1)
    return np.stack((low, high), axis=1)


def trend(samples: Samples, *, points: int) -> Samples:
    """The maximum of each of at most `points` equal stretches: a thumbnail of an envelope."""
    width = max(1, -(-len(samples) // points))
    return np.asarray(np.maximum.reduceat(samples, np.arange(0, len(samples), width)))
