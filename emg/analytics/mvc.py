"""The reference for a contraction's strength, and where it comes from."""

from collections.abc import Sequence

import numpy as np

from emg.analytics.results import Mvc, MvcSource
from emg.analytics.units import Amplitude


def reference(
    *,
    unit: str,
    given: Amplitude | None,
    stored: Amplitude | None,
    peaks: Sequence[float],
    quantile: float,
) -> Mvc:
    """The given MVC, else the patient's stored one, else an estimate, else none.

    The estimate is a quantile of the contractions' peaks. The 95th percentile of the whole
    envelope, as the original takes it, falls with every second of rest: peaks of real recordings
    reached several times that "maximum".

    `unit` is that of the channel, the peaks and the answer. Raises ValueError if a known value is
    not positive, or cannot be converted to it.
    """
    for known, source in ((given, MvcSource.GIVEN), (stored, MvcSource.STORED)):
        if known is not None:
            return Mvc(positive(known.to(unit)), unit, source)
    if peaks:
        return Mvc(float(np.quantile(peaks, quantile)), unit, MvcSource.ESTIMATED)
    return Mvc(None, unit, MvcSource.NONE)


def positive(value: float) -> float:
    if not (np.isfinite(value) and value > 0):
        raise ValueError("An MVC is a positive amplitude.")
    return value
