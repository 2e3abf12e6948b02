"""What is wrong with a recording, in words, and what follows from it."""

from collections.abc import Iterable, Sequence

import numpy as np

from emg.analytics.conditioning import Conditioned
from emg.analytics.contractions import mains_lines
from emg.analytics.parameters import Parameters
from emg.analytics.results import Flag, Mvc, MvcSource
from emg.analytics.samples import Interval, Samples
from emg.analytics.units import VOLTS

FLAT_V = 1e-10
CLIPPED_SHARE = 0.001
CLIP_WITHIN = 0.001
CLIP_PILE = 3
MISSING_SHARE = 0.001
SHORTEST_S = 1.0
WEAK_DB = 10.0
MAINS_SHARE = 0.3
MAINS_WIDTH_HZ = 1.0


def is_flat(samples: Samples, unit: str) -> bool:
    """Whether the finite samples do not vary: less than 1e-10 V, or not at all without a unit."""
    if samples.size == 0 or np.ptp(samples) == 0:
        return True
    return unit in VOLTS and float(samples.std()) * VOLTS[unit] < FLAT_V


def clipped_share(samples: Samples) -> float:
    """Share of samples within 0.1 % of an extreme at which they pile up.

    A recorder at its limit repeats it, while a peak, however round, is left as it was reached: at
    least three times as many samples have to lie there as in the 0.1 % beside it.
    """
    if samples.size == 0:
        return 0.0
    within = CLIP_WITHIN * float(np.abs(samples).max())
    ends = (float(samples.min()), float(samples.max()))
    return sum(piled_up(np.abs(samples - end), within) for end in ends) / samples.size


def piled_up(distance: Samples, within: float) -> int:
    there = int(np.count_nonzero(distance <= within))
    beside = int(np.count_nonzero(distance <= 2 * within)) - there
    return there if there >= max(2, CLIP_PILE * beside) else 0


def mains_share(samples: Samples, rate_hz: float) -> float:
    """Share of the power that lies within 1 Hz of the mains lines that stand out."""
    lines_hz = mains_lines(samples, rate_hz)
    if not lines_hz:
        return 0.0
    power = np.abs(np.fft.rfft(samples)) ** 2
    step_hz = rate_hz / len(samples)
    within = 0.0
    for line_hz in lines_hz:
        first, last = ((line_hz + side * MAINS_WIDTH_HZ) / step_hz for side in (-1, 1))
        within += float(power[round(first) : round(last) + 1].sum())
    return within / float(power.sum())


def of_recording(recorded: Samples, rate_hz: float, unit: str) -> list[Flag]:
    """What the samples as recorded show: missing, short, flat, clipped."""
    finite = recorded[np.isfinite(recorded)]
    missing = 1 - finite.size / recorded.size if recorded.size else 1.0
    return [flag for flag in _recorded(recorded, finite, missing, rate_hz, unit) if flag]


def _recorded(
    recorded: Samples, finite: Samples, missing: float, rate_hz: float, unit: str
) -> Iterable[Flag | None]:
    duration_s = recorded.size / rate_hz
    if duration_s < SHORTEST_S:
        words = f"Only {duration_s:.2g} s long"
        yield Flag("too_short", words, "No contractions and no spectrum.", duration_s)
    if missing >= MISSING_SHARE:
        words = f"{missing:.1%} of the samples are missing"
        yield Flag("missing", words, "Contractions in a gap are not seen.", missing)
    if is_flat(finite, unit):
        yield Flag("flat", "The signal is flat", "The electrode was probably off: no metrics.")
        return
    clipped = clipped_share(finite)
    if clipped >= CLIPPED_SHARE:
        words = f"{clipped:.1%} of the samples are at the recorder's limit"
        yield Flag("clipping", words, "Amplitudes are too low, frequencies too high.", clipped)


def of_analysis(
    intervals: Sequence[Interval], snr_db: float | None, mvc: Mvc, parameters: Parameters
) -> list[Flag]:
    """What the contractions show: none, weak, very long, an estimated MVC."""
    flags = []
    if not intervals:
        flags.append(Flag("no_contractions", "No contraction stands out", "Nothing to score."))
    if snr_db is not None and snr_db < WEAK_DB:
        words = f"Contractions are only {snr_db:.1f} dB over rest"
        consequence = "Their timing is uncertain, and the weak ones have no spectrum."
        flags.append(Flag("weak", words, consequence, snr_db))
    longest_s = max((end - start for start, end in intervals), default=0.0)
    if longest_s > parameters.longest_s:
        words = f"A contraction lasts {longest_s:.0f} s"
        flags.append(Flag("long_hold", words, "It counts as one repetition.", longest_s))
    if mvc.source == MvcSource.ESTIMATED:
        words = "MVC estimated from this recording"
        flags.append(Flag("mvc_estimated", words, "Shares of MVC are relative.", mvc.value))
    return flags


def of_mains(given: Conditioned) -> list[Flag]:
    share = mains_share(given.samples, given.rate_hz)
    if share < MAINS_SHARE:
        return []
    words = f"Mains hum makes {share:.0%} of the power"
    return [Flag("mains_hum", words, "Amplitudes and frequencies are distorted.", share)]
