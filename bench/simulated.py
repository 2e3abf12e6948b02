"""Surface EMG made from known contractions, for measuring detectors.

Every recording draws its own spectrum, ramps, amplitudes and noise from its seed. What is simulated
is what the generator knows of: a good score here is no clinical accuracy.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
Interval = tuple[float, float]
NOISE_V = 4e-6


@dataclass(frozen=True)
class Recording:
    """Samples in volts, and the first and last moment of every contraction in them."""

    samples: Samples
    rate_hz: float
    truth: tuple[Interval, ...]


def interference(count: int, rate_hz: float, rng: np.random.Generator) -> Samples:
    """Gaussian noise of unit RMS with the spectrum of Stulen and De Luca (1981)."""
    low_hz, high_hz = rng.uniform(40, 80), rng.uniform(90, 160)
    frequency = np.fft.rfftfreq(count, 1 / rate_hz)
    shape = high_hz**2 * frequency / np.sqrt(frequency**2 + low_hz**2)
    shape /= frequency**2 + high_hz**2
    coloured = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * shape, count)
    return np.asarray(coloured / coloured.std())


def ramped(
    count: int, rate_hz: float, at: Interval, level: float, ramp_s: tuple[float, float]
) -> Samples:
    """A plateau of `level` inside the interval, its ramps included."""
    time_s = np.arange(count) / rate_hz
    rise = np.clip((time_s - at[0]) / ramp_s[0], 0, 1)
    fall = np.clip((at[1] - time_s) / ramp_s[1], 0, 1)
    return np.asarray(level * np.minimum(rise, fall))


def placed(
    rng: np.random.Generator, *, total_s: float, lengths_s: Samples, gap_s: tuple[float, float]
) -> list[Interval]:
    found = []
    at = rng.uniform(1.0, 2.5)
    for length in lengths_s:
        if at + length > total_s - 0.5:
            break
        found.append((float(at), float(at + length)))
        at += length + rng.uniform(*gap_s)
    return found


def noise(count: int, rate_hz: float, rng: np.random.Generator) -> Samples:
    white = rng.standard_normal(count)
    return NOISE_V * white


def burst_train(
    rng: np.random.Generator, rate_hz: float, total_s: float, snr_db: float
) -> Recording:
    count = round(total_s * rate_hz)
    truth = placed(rng, total_s=total_s, lengths_s=rng.uniform(0.3, 3.0, 12), gap_s=(0.6, 3.0))
    envelope = np.zeros(count)
    for at in truth:
        ramp = rng.uniform(0.03, 0.25, 2)
        level = NOISE_V * 10 ** (snr_db / 20)
        envelope += ramped(count, rate_hz, at, level, (ramp[0], ramp[1]))
    samples = noise(count, rate_hz, rng) + envelope * interference(count, rate_hz, rng)
    return Recording(samples, rate_hz, tuple(truth))


def clean(rng: np.random.Generator) -> Recording:
    rate_hz = float(rng.choice([1000.0, 1925.926, 2000.0]))
    return burst_train(rng, rate_hz, 30.0, float(rng.choice([5.0, 8.0, 12.0, 16.0, 20.0])))


def dips(count: int, rate_hz: float, at: Interval, rng: np.random.Generator) -> Samples:
    """The factor by which tremor and fatigue let a hold sag, and let it go for a moment."""
    factor = np.ones(count)
    time_s = np.arange(count) / rate_hz
    for centre in rng.uniform(at[0] + 0.3, at[1] - 0.3, rng.integers(1, 5)):
        width_s, depth = rng.uniform(0.03, 0.1), rng.uniform(0.4, 0.9)
        factor *= 1 - depth * np.exp(-0.5 * ((time_s - centre) / width_s) ** 2)
    tremor = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(5, 11) * time_s + rng.uniform(0, 6))
    return np.asarray(factor * tremor)


def rehab(rng: np.random.Generator) -> Recording:
    """Holds of 2 to 4 s, no two equally strong, as patients do them."""
    rate_hz, total_s = 990.0, 75.0
    count = round(total_s * rate_hz)
    truth = placed(rng, total_s=total_s, lengths_s=rng.uniform(2, 4, 12), gap_s=(1.5, 4.0))
    strongest_v = NOISE_V * 10 ** (rng.uniform(12, 26) / 20)
    envelope = np.zeros(count)
    for at in truth:
        level, ramp = strongest_v * rng.uniform(0.35, 1.0), rng.uniform(0.1, 0.5, 2)
        hold = ramped(count, rate_hz, at, level, (ramp[0], ramp[1]))
        envelope += hold * dips(count, rate_hz, at, rng)
    samples = noise(count, rate_hz, rng) + envelope * interference(count, rate_hz, rng)
    return Recording(samples, rate_hz, tuple(truth))


def hum(count: int, rate_hz: float, rng: np.random.Generator, level_v: float) -> Samples:
    time_s = np.arange(count) / rate_hz
    mains_hz = float(rng.choice([50.0, 60.0])) + rng.uniform(-0.1, 0.1)
    waves = [
        weight * np.sin(2 * np.pi * mains_hz * order * time_s + rng.uniform(0, 6))
        for order, weight in ((1, 1.0), (2, 0.1), (3, 0.4))
    ]
    return np.asarray(level_v * np.sum(waves, axis=0))


def heart(count: int, rate_hz: float, rng: np.random.Generator, peak_v: float) -> Samples:
    beats = np.zeros(count)
    at = rng.uniform(0, 1)
    while at * rate_hz < count:
        beats[int(at * rate_hz)] = 1
        at += rng.normal(60 / rng.uniform(55, 100), 0.03)
    time_s = np.arange(-0.06, 0.06, 1 / rate_hz)
    narrow, wide = (time_s / 0.010) ** 2, ((time_s - 0.025) / 0.012) ** 2
    complex_v = peak_v * (np.exp(-narrow / 2) - 0.3 * np.exp(-wide / 2))
    return np.convolve(beats, complex_v, mode="same")


def drift(count: int, rate_hz: float, rng: np.random.Generator, level_v: float) -> Samples:
    time_s = np.arange(count) / rate_hz
    slow = [np.sin(2 * np.pi * f * time_s + rng.uniform(0, 6)) for f in rng.uniform(0.1, 1.5, 3)]
    return np.asarray(level_v * np.sum(slow, axis=0))


def spikes(count: int, rate_hz: float, rng: np.random.Generator, peak_v: float) -> Samples:
    found = np.zeros(count)
    width = max(2, round(0.006 * rate_hz))
    for at in rng.integers(0, count - width, rng.integers(2, 9)):
        found[at : at + width] += peak_v * rng.choice([-1.0, 1.0]) * np.hanning(width)
    return found


def disturb(given: Recording, rng: np.random.Generator, level_v: float) -> Recording:
    count, rate_hz = len(given.samples), given.rate_hz
    kinds: list[tuple[Callable[..., Samples], float]] = [
        (hum, rng.uniform(0.1, 0.5)),
        (heart, rng.uniform(0.5, 2.0)),
        (drift, rng.uniform(2, 20)),
        (spikes, rng.uniform(3, 20)),
    ]
    chosen = rng.choice(len(kinds), rng.integers(1, 4), replace=False)
    extra = sum(kinds[k][0](count, rate_hz, rng, level_v * kinds[k][1]) for k in chosen)
    offset_v = rng.uniform(-50, 50) * level_v
    return Recording(given.samples + extra + offset_v, rate_hz, given.truth)


def artefact(rng: np.random.Generator) -> Recording:
    snr_db = float(rng.uniform(12, 20))
    given = burst_train(rng, float(rng.choice([1000.0, 2000.0])), 30.0, snr_db)
    return disturb(given, rng, NOISE_V * 10 ** (snr_db / 20))


def tone(rng: np.random.Generator) -> Recording:
    """Bursts over a muscle that never quite rests, or rests for a part of the recording only."""
    snr_db, rate_hz, total_s = float(rng.uniform(20, 30)), 1000.0, 40.0
    given = burst_train(rng, rate_hz, total_s, snr_db)
    count = len(given.samples)
    level_v = NOISE_V * 10 ** (snr_db / 20) * rng.uniform(0.05, 0.4)
    begins_s = float(rng.choice([-5.0, rng.uniform(0, total_s / 2)]))
    posture = ramped(count, rate_hz, (begins_s, total_s + 5), level_v, (1.0, 1.0))
    samples = given.samples + posture * interference(count, rate_hz, rng)
    return Recording(samples, rate_hz, given.truth)


def silence(rng: np.random.Generator) -> Recording:
    rate_hz = float(rng.choice([990.0, 1000.0, 2000.0]))
    count = round(60 * rate_hz)
    quiet = Recording(noise(count, rate_hz, rng), rate_hz, ())
    return disturb(quiet, rng, NOISE_V) if rng.random() < 0.5 else quiet


SETS: dict[str, Callable[[np.random.Generator], Recording]] = {
    "bursts": clean,
    "rehab": rehab,
    "artefact": artefact,
    "tone": tone,
    "silence": silence,
}


def recordings(name: str, *, count: int, seed: int) -> Iterator[Recording]:
    for number in range(count):
        yield SETS[name](np.random.default_rng([seed, list(SETS).index(name), number]))
