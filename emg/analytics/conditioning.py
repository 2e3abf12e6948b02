"""From what was recorded to what can be measured: gaps, offset, band."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import signal

from emg.analytics.parameters import Parameters
from emg.analytics.samples import Mask, Samples, runs


@dataclass(frozen=True)
class Conditioned:
    """A channel without gaps and offset, limited to the band of EMG; in the recording's unit."""

    samples: Samples
    # False in gaps too long to interpolate.
    valid: Mask
    rate_hz: float
    # Share of samples that were NaN or infinite, interpolated ones included.
    nan_fraction: float


def condition(samples: Samples, rate_hz: float, parameters: Parameters) -> Conditioned:
    """Close gaps, remove the offset, band-pass without phase shift.

    One NaN would make NaN of every sample a recursive filter computes after it (and, run backwards,
    before it), so all gaps are bridged first; the long ones are masked. `samples` are as recorded;
    of the parameters `gap_s`, the band and `filter_order` are read.
    """
    finite = np.isfinite(samples)
    nan_fraction = float(1 - finite.mean()) if len(samples) else 0.0
    if not finite.any():
        return Conditioned(np.zeros(len(samples)), finite, rate_hz, nan_fraction)
    bridged = samples if nan_fraction == 0 else bridge(samples, finite)
    valid = finite if nan_fraction == 0 else ~long_gaps(finite, parameters.gap_s * rate_hz)
    centred = bridged - np.mean(bridged)
    return Conditioned(band_pass(centred, rate_hz, parameters), valid, rate_hz, nan_fraction)


def bridge(samples: Samples, finite: Mask) -> Samples:
    at = np.arange(len(samples))
    return np.interp(at, at[finite], samples[finite])


def long_gaps(finite: Mask, longest: float) -> Mask:
    found = np.zeros(len(finite), dtype=bool)
    for first, last in runs(~finite):
        found[first:last] = last - first > longest
    return found


def band_pass(samples: Samples, rate_hz: float, parameters: Parameters) -> Samples:
    """Zero-phase Butterworth band-pass.

    What is shorter than the filter's padding comes back as it is: there is nothing to settle on.
    `pyemgpipeline` counts the order of both passes together: its order 4 is `filter_order` 2 here.
    """
    return zero_phase(samples, design(parameters, rate_hz))


def zero_phase(samples: Samples, sections: Samples) -> Samples:
    if len(samples) <= 3 * (2 * len(sections) + 1):
        return samples
    return np.asarray(signal.sosfiltfilt(sections, samples))


@lru_cache(maxsize=32)
def design(parameters: Parameters, rate_hz: float) -> Samples:
    band_hz = (parameters.band_low_hz, parameters.upper_hz(rate_hz))
    order = parameters.filter_order
    return np.asarray(signal.butter(order, band_hz, btype="bandpass", fs=rate_hz, output="sos"))
