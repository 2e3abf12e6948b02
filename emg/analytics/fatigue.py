"""How the spectrum sinks while a muscle tires. Experimental."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from emg.analytics.parameters import Parameters
from emg.analytics.results import Fatigue, Slope
from emg.analytics.samples import Interval, Samples
from emg.analytics.spectrum import Spectrum, fi_nsm5, mean_frequency, median_frequency, welch

LEAST_CONTRACTIONS = 4
LEAST_WINDOWS = 10


@dataclass(frozen=True)
class SpectralPoint:
    """The spectrum of a contraction, or of a window of one, at its middle."""

    at_s: float
    mdf: float
    mpf: float
    fi_nsm5: float


def point(at_s: float, spectrum: Spectrum) -> SpectralPoint | None:
    mdf, mpf = median_frequency(spectrum), mean_frequency(spectrum)
    index = fi_nsm5(spectrum)
    if mdf is None or mpf is None or index is None:
        return None
    return SpectralPoint(at_s, mdf, mpf, index)


def of_contractions(points: Sequence[SpectralPoint]) -> Fatigue | None:
    """Slopes over contractions; None if fewer than four have a spectrum."""
    return fatigue("contractions", points) if len(points) >= LEAST_CONTRACTIONS else None


def of_hold(
    samples: Samples, rate_hz: float, hold: Interval, parameters: Parameters
) -> Fatigue | None:
    """Slopes over half overlapping windows of one contraction; None if fewer than ten fit."""
    width = round(parameters.spectrum_s * rate_hz)
    starts = range(round(hold[0] * rate_hz), round(hold[1] * rate_hz) - width + 1, width // 2)
    found = (
        point((at + width / 2) / rate_hz, welch(samples[at : at + width], rate_hz, parameters))
        for at in starts
    )
    points = [each for each in found if each is not None]
    return fatigue("windows", points) if len(points) >= LEAST_WINDOWS else None


def fatigue(basis: str, points: Sequence[SpectralPoint]) -> Fatigue:
    at_s = [each.at_s for each in points]
    first = points[0].fi_nsm5
    return Fatigue(
        basis=basis,
        mdf=slope(at_s, [each.mdf for each in points]),
        mpf=slope(at_s, [each.mpf for each in points]),
        fi_nsm5=slope(at_s, [100 * each.fi_nsm5 / first for each in points]),
    )


def slope(at_s: Sequence[float], values: Sequence[float], *, robust: bool = False) -> Slope:
    """The straight line through a trend, per minute, with the share of the variance it explains.

    By least squares; `robust` by Theil-Sen, the median of all pairwise slopes, which a single
    outlier does not turn. Raises ValueError for fewer than two points or one moment for all.
    """
    minutes, trend = np.asarray(at_s, dtype=float) / 60, np.asarray(values, dtype=float)
    if len(minutes) < 2 or np.ptp(minutes) == 0:
        raise ValueError("A slope takes two points in time.")
    fit = stats.theilslopes(trend, minutes) if robust else stats.linregress(minutes, trend)
    per_minute, intercept = float(fit.slope), float(fit.intercept)
    total = float(np.sum((trend - trend.mean()) ** 2))
    off = float(np.sum((trend - intercept - per_minute * minutes) ** 2))
    return Slope(
        per_minute=per_minute,
        percent_per_minute=100 * per_minute / intercept if intercept > 0 else None,
        intercept=intercept,
        n=len(trend),
        r2=1 - off / total if total > 0 else None,
    )
