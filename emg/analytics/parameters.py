"""Every number the analysis depends on, in one value that names its own version."""

import zlib
from dataclasses import asdict, dataclass
from typing import Literal

from emg.analytics.scoring.score_profile import Targets

ALGORITHM = "1"


@dataclass(frozen=True)
class Parameters:
    """How a channel is analysed.

    The defaults follow the literature where it is settled and the recordings at hand where it is
    not. They need clinical validation: a result is only comparable with another of the same
    `version`.

    .. [1] C. J. De Luca, L. D. Gilmore, M. Kuznetsov, S. H. Roy, "Filtering the surface EMG
       signal: Movement artifact and baseline noise contamination", Journal of Biomechanics 43,
       1573-1579, 2010. :doi:`10.1016/j.jbiomech.2010.01.027`
    """

    # Corners of the band-pass: the lower one as recommended by De Luca et al. [1]_, the upper one
    # lowered to 0.45 of the rate.
    band_low_hz: float = 20.0
    band_high_hz: float = 450.0
    # Of the Butterworth design, which runs forwards and backwards: that doubles it.
    filter_order: int = 4
    # A run of missing samples up to this long is interpolated; a longer one is left out.
    gap_s: float = 0.05
    # Window of the RMS envelope that a contraction's mean and peak are read from.
    amplitude_s: float = 0.1
    # Length of a Welch segment.
    spectrum_s: float = 1.0
    # A contraction that is shorter, or less than this above rest, has no spectrum: noise would
    # decide it.
    spectrum_at_least_s: float = 0.25
    spectrum_at_least_db: float = 10.0
    detector: Literal["adaptive", "ten_percent"] = "adaptive"
    # A contraction stands at least this far over the noise around it ...
    noise_margin_db: float = 3.0
    # ... and at most this far below the strongest activity (22 % in amplitude),
    below_reference_db: float = 13.0
    # which is the level exceeded for this long in all.
    reference_s: float = 0.4
    # It ends this far below the level at which it began.
    hysteresis_db: float = 2.0
    # Contractions with less than this between them are one.
    merge_s: float = 0.25
    # What is shorter, after merging, is no contraction.
    shortest_s: float = 0.12
    # A longer contraction is kept whole, and flagged.
    longest_s: float = 10.0
    # The estimated MVC is this quantile of the contractions' peaks.
    mvc_quantile: float = 0.9
    # What a good contraction reaches.
    mvc_percent: float = Targets.mvc_percent
    duration_s: float = Targets.duration_s
    # No stored trend has more points.
    trend_points: int = 120

    @property
    def version(self) -> str:
        """`1` for the defaults; `1+` and a checksum of what differs otherwise."""
        if changed := asdict(self).items() - asdict(Parameters()).items():
            return f"{ALGORITHM}+{zlib.crc32(repr(sorted(changed)).encode()):08x}"
        return ALGORITHM

    def upper_hz(self, rate_hz: float) -> float:
        return min(self.band_high_hz, 0.45 * rate_hz)


PARAMETERS = Parameters()
VERSION = PARAMETERS.version
