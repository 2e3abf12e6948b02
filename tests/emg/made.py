"""Signals whose answers are known."""

import numpy as np

from emg.analytics.conditioning import Conditioned
from emg.analytics.results import Contraction
from emg.analytics.samples import Interval, Samples

RATE_HZ = 1000.0


def sine(frequency_hz: float, *, duration_s: float, amplitude: float = 1.0) -> Samples:
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return np.asarray(amplitude * np.sin(2 * np.pi * frequency_hz * time_s))


def noise(duration_s: float, *, level: float, seed: int = 1, rate_hz: float = RATE_HZ) -> Samples:
    count = round(duration_s * rate_hz)
    return np.asarray(level * np.random.default_rng(seed).standard_normal(count))


def bursts(
    *at: Interval, duration_s: float, level: float = 1e-4, rest: float = 2e-6, seed: int = 1
) -> Samples:
    """White noise, louder in the intervals given."""
    samples = noise(duration_s, level=rest, seed=seed)
    for number, (start_s, end_s) in enumerate(at):
        loud = noise(end_s - start_s, level=level, seed=100 * seed + number)
        first = round(start_s * RATE_HZ)
        samples[first : first + loud.size] += loud
    return samples


def conditioned(samples: Samples, rate_hz: float = RATE_HZ) -> Conditioned:
    """Taken as it is, all of it valid."""
    return Conditioned(samples, np.ones(len(samples), dtype=bool), rate_hz, 0.0)


def contraction(*, peak: float = 1.0, duration_s: float = 3.0, start_s: float = 0.0) -> Contraction:
    return Contraction(
        start_s=start_s,
        end_s=start_s + duration_s,
        duration_s=duration_s,
        mean=peak / 2,
        peak=peak,
        mpf=None,
        mdf=None,
        mvc_percent=None,
        meets_mvc=None,
        meets_duration=False,
        good=False,
    )
