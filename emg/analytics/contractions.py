"""Where the muscle was active: an own detection, and the one of the original by its name."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from emg.analytics.conditioning import Conditioned, zero_phase
from emg.analytics.parameters import Parameters
from emg.analytics.samples import Interval, Mask, Samples, runs, window_samples

BLOCK_S = 0.01
MEDIAN_S = 0.15
FLOOR_CHUNK_S = 0.5
FLOOR_WINDOW_S = 30.0
FLOOR_QUANTILE = 0.1
FLOOR_RISE_DB = 5.0
FLOOR_BELOW_STRONGEST_DB = 18.0
SPREAD_DB = (0.3, 1.0)
SPREADS = 4.5
LEAST_REST_DB = 2.0
MEAN_OVER_NOISE_DB = 3.5
EDGE_DB = 4.0
POSTURE_DB = 3.0
POSTURE_RANGE_DB = 7.0
EDGE_S = 0.25
DYNAMIC_RANGE_DB = 80.0
DETECTION_LOW_HZ = 25.0
MAINS_HZ = (50.0, 60.0)
MAINS_HARMONICS = 8
MAINS_RATIO = 10.0
MAINS_WIDTH_HZ = 5.0
MAINS_SETTLE_S = 0.25


@dataclass(frozen=True)
class Detection:
    """`intervals` are in order, not overlapping. `threshold` is the level a contraction had to
    reach, in the unit of the samples; the median over the recording where it follows the noise.
    None if nothing could be said."""

    intervals: tuple[Interval, ...]
    threshold: float | None = None


Detector = Callable[[Conditioned, Parameters], Detection]
NOTHING = Detection(())


def adaptive(given: Conditioned, parameters: Parameters) -> Detection:
    """Contractions that stand over the noise around them and near the strongest activity.

    1. Power of blocks of 10 ms, in dB, through a median of 150 ms: steps stay where they are, while
       spikes, heart beats and other events of less than 75 ms are gone. Before that, mains lines
       that stand out are notched and what is below 25 Hz is taken off, for the detection only.
    2. The noise is a low quantile over 30 s, so that it may drift; a long hold cannot lift it by
       more than 5 dB, or closer than 18 dB to the strongest activity. Where the muscle does not
       rest for longer than `longest_s`, and yet varies by more than 7 dB, it keeps a posture: its
       own low quantile is the noise there.
    3. A contraction begins where the level exceeds both the noise (by `noise_margin_db`, more if
       the noise itself varies) and the strongest activity less `below_reference_db`, which keeps
       posture and small twitches out. It ends `hysteresis_db` lower.
    4. Short gaps are closed before short contractions are dropped, so that a hold with a dip is one
       contraction. Edges are then followed outwards to the foot of the rise; what meets is one.

    A recording in which nothing stands out has no contraction. Neither has one hold that never
    ends: it cannot be told from noise.

    A double threshold with an adaptive floor, one of the families reviewed by Carvalho et al. [1]_.
    Measured by `bench/detection.py`; its parameters need clinical validation.

    .. [1] Carvalho et al., 2023. :doi:`10.1186/s12984-023-01268-8`
    """
    level_db, valid, block_s = levels(given)
    if level_db.size < round(1 / block_s) or not valid.any():
        return NOTHING
    strongest_db = np.sort(level_db[valid])[-round(parameters.reference_s / block_s) :][0]
    noise_db, spread_db = noise_floor(level_db, block_s, strongest_db)
    noise_db = over_posture(level_db, noise_db, block_s, parameters)
    relative_db = strongest_db - parameters.below_reference_db
    margin_db = max(parameters.noise_margin_db, SPREADS * spread_db)
    begin_db = np.maximum(noise_db + margin_db, relative_db)
    end_db = np.maximum(begin_db - parameters.hysteresis_db, noise_db + LEAST_REST_DB)
    foot_db = np.maximum(end_db - EDGE_DB, noise_db + LEAST_REST_DB)

    found = hysteresis((level_db > begin_db) & valid, (level_db > end_db) & valid)
    gap = parameters.merge_s / block_s
    found = [
        (first, last)
        for first, last in merged(found, gap)
        if (last - first) * block_s >= parameters.shortest_s
        and (level_db[first:last] - noise_db[first:last]).mean() > MEAN_OVER_NOISE_DB
    ]
    found = merged(widened(found, (level_db > foot_db) & valid, round(EDGE_S / block_s)), gap)
    return Detection(
        intervals=tuple((first * block_s, last * block_s) for first, last in found),
        threshold=float(10 ** (np.median(begin_db) / 20)),
    )


def levels(given: Conditioned) -> tuple[Samples, Mask, float]:
    """RMS of each block in dB of the unit, whether the block is valid, and its length."""
    rate_hz = given.rate_hz
    width = max(1, round(BLOCK_S * rate_hz))
    count = len(given.samples) // width
    if count == 0:
        return np.zeros(0), np.zeros(0, dtype=bool), width / rate_hz
    cut = slice(count * width)
    lines_hz = mains_lines(given.samples, rate_hz)
    cleaned = for_detection(given.samples, rate_hz, lines_hz)[cut].reshape(count, width)
    power = np.einsum("ij,ij->i", cleaned, cleaned) / width
    valid = np.asarray(given.valid[cut].reshape(count, width).all(axis=1), dtype=bool)
    if lines_hz:
        # A notch has to swing in, at either end.
        settling = round(MAINS_SETTLE_S / BLOCK_S)
        valid[:settling] = valid[-settling:] = False
    ceiling = power.max() or 1.0
    level_db = 10 * np.log10(np.maximum(power, ceiling * 10 ** (-DYNAMIC_RANGE_DB / 10)))
    median = ndimage.median_filter(level_db, window_samples(MEDIAN_S, rate_hz / width))
    return median, valid, width / rate_hz


def for_detection(samples: Samples, rate_hz: float, lines_hz: list[float]) -> Samples:
    """Without mains hum and with less of heart and movement: good for timing, not for amplitude."""
    sections = [signal.butter(2, DETECTION_LOW_HZ, btype="highpass", fs=rate_hz, output="sos")]
    sections += [
        signal.tf2sos(*signal.iirnotch(line_hz, line_hz / MAINS_WIDTH_HZ, fs=rate_hz))
        for line_hz in lines_hz
    ]
    return zero_phase(samples, np.vstack(sections))


def mains_lines(samples: Samples, rate_hz: float) -> list[float]:
    """The harmonics of 50 and 60 Hz whose power is ten times that of their neighbours."""
    length = round(rate_hz)
    if len(samples) < 2 * length:
        return []
    # The median over segments: a line is there all the time, a contraction is not.
    frequency_hz, density = signal.welch(samples, rate_hz, nperseg=length, average="median")
    highest_hz = Parameters().upper_hz(rate_hz)
    return [
        line_hz
        for line_hz in (mains * n for mains in MAINS_HZ for n in range(1, MAINS_HARMONICS + 1))
        if line_hz < highest_hz and stands_out(line_hz, frequency_hz, density)
    ]


def stands_out(line_hz: float, frequency_hz: Samples, density: Samples) -> bool:
    away_hz = np.abs(frequency_hz - line_hz)
    around = density[(away_hz >= 3) & (away_hz <= 10)]
    peak = density[away_hz <= 1.01].max(initial=0.0)
    return bool(around.size and peak > MAINS_RATIO * np.median(around))


def noise_floor(level_db: Samples, block_s: float, strongest_db: float) -> tuple[Samples, float]:
    """The level at rest at every block, and how much it varies from block to block."""
    width = round(FLOOR_CHUNK_S / block_s)
    count = len(level_db) // width
    chunks = np.median(level_db[: count * width].reshape(count, width), axis=1)
    window = min(round(FLOOR_WINDOW_S / FLOOR_CHUNK_S), 2 * count - 1) | 1
    floor = ndimage.percentile_filter(chunks, 100 * FLOOR_QUANTILE, size=window, mode="reflect")
    risen_db = np.quantile(chunks, FLOOR_QUANTILE) + FLOOR_RISE_DB
    floor = np.minimum(floor, max(risen_db, strongest_db - FLOOR_BELOW_STRONGEST_DB))
    floor = ndimage.uniform_filter1d(floor, 9, mode="nearest")
    low_db = np.interp(np.arange(len(level_db)), (np.arange(count) + 0.5) * width, floor)
    under = (level_db - low_db)[level_db < low_db]
    spread_db = float(np.clip(np.sqrt(np.mean(under**2)) if under.size else 0, *SPREAD_DB))
    return low_db + spread_db, spread_db


def over_posture(
    level_db: Samples, noise_db: Samples, block_s: float, parameters: Parameters
) -> Samples:
    """The noise, lifted to what a muscle keeps up while it does not rest for longer than any
    contraction lasts. A long hold is left as it is: it varies less than what is done over posture.
    """
    lifted = noise_db.copy()
    strongest = round(parameters.reference_s / block_s)
    for first, last in runs(level_db > noise_db.min() + POSTURE_DB):
        if (last - first) * block_s > parameters.longest_s:
            inside = np.sort(level_db[first:last])
            kept_db = inside[round(FLOOR_QUANTILE * len(inside))]
            if inside[-strongest] - kept_db > POSTURE_RANGE_DB:
                lifted[first:last] = np.maximum(kept_db, noise_db[first:last])
    return lifted


def hysteresis(begins: Mask, lasts: Mask) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in runs(lasts) if begins[a:b].any()]


def merged(found: list[tuple[int, int]], gap: float) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in found:
        if joined and first - joined[-1][1] <= gap:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def widened(found: list[tuple[int, int]], above: Mask, most: int) -> list[tuple[int, int]]:
    """Each run grown while `above` holds, never into its neighbour, and on either side at most by
    `most` and by a quarter of its own length: over a muscle that does not rest, it may hold on.
    """
    grown: list[tuple[int, int]] = []
    for number, (first, last) in enumerate(found):
        reach = min(most, (last - first) // 4)
        earliest = max(first - reach, grown[-1][1] if grown else 0)
        following = found[number + 1][0] if number + 1 < len(found) else len(above)
        latest = min(last + reach, following)
        before = np.flatnonzero(~above[earliest:first])
        after = np.flatnonzero(~above[last:latest])
        start = earliest + int(before[-1]) + 1 if before.size else earliest
        grown.append((start, last + int(after[0]) if after.size else latest))
    return grown


def ten_percent(given: Conditioned, parameters: Parameters) -> Detection:
    """The method of the original: what exceeds 10 % of the maximum.

    Kept to compare results with older ones. One spike moves its threshold, and a recording without
    any contraction still yields some.
    """
    envelope = linear_envelope(given.samples, given.rate_hz) * given.valid
    return share_of_maximum(envelope, given.rate_hz, share=0.10)


def linear_envelope(samples: Samples, rate_hz: float) -> Samples:
    """Rectified, low-passed at 10 Hz, averaged over 50 ms (no RMS, whatever it is called)."""
    low_pass = signal.butter(4, 10, fs=rate_hz, output="sos")
    smooth = zero_phase(np.abs(samples), low_pass)
    return np.asarray(ndimage.uniform_filter1d(smooth, max(1, int(0.05 * rate_hz))))


def share_of_maximum(rectified: Samples, rate_hz: float, *, share: float) -> Detection:
    """Runs over a share of the maximum after a moving mean of 100 samples, as the original has it.

    Runs under 100 ms are dropped *before* gaps up to 200 ms are closed.
    """
    if rectified.size < 100 or not rectified.any():
        return NOTHING
    smooth = ndimage.uniform_filter1d(rectified, 100, mode="constant")
    threshold = share * smooth.max()
    kept = [(int(a), int(b)) for a, b in runs(smooth > threshold) if b - a >= 0.1 * rate_hz]
    found = merged(kept, 0.2 * rate_hz)
    return Detection(tuple((a / rate_hz, b / rate_hz) for a, b in found), float(threshold))


DETECTORS: dict[str, Detector] = {"adaptive": adaptive, "ten_percent": ten_percent}


def detect(given: Conditioned, parameters: Parameters) -> Detection:
    """What the detection named by `parameters.detector` finds."""
    return DETECTORS[parameters.detector](given, parameters)
