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

    Attributes
    ----------
    band_low_hz, band_high_hz : float
        Corners of the band-pass, 20 and 450 Hz; the upper one is lowered to 0.45 of the rate.
        20 Hz is the high-pass corner recommended by De Luca et al. [1]_.
    filter_order : int
        Order of the Butterworth design, 4. It runs forwards and backwards, which doubles it.
    gap_s : float
        A run of missing samples up to this long is interpolated, 0.05 s; a longer one is left out.
    amplitude_s : float
        Window of the RMS envelope that a contraction's mean and peak are read from, 0.1 s.
    spectrum_s : float
        Length of a Welch segment, 1 s.
    spectrum_at_least_s : float
        A contraction shorter than this has no spectrum, 0.25 s.
    spectrum_at_least_db : float
        A contraction less than this above rest has no spectrum, 10 dB: noise would decide it.
    detector : {'adaptive', 'ten_percent'}
        Which detection finds the contractions.
    noise_margin_db : float
        A contraction stands at least this far over the noise around it, 3 dB.
    below_reference_db : float
        ... and at most this far below the strongest activity, 13 dB (22 % in amplitude).
    reference_s : float
        The strongest activity is the level exceeded for this long in all, 0.4 s.
    hysteresis_db : float
        A contraction ends this far below the level at which it began, 2 dB.
    merge_s : float
        Contractions with less than this between them are one, 0.25 s.
    shortest_s : float
        What is shorter, after merging, is no contraction, 0.12 s.
    longest_s : float
        A longer contraction is kept whole, and flagged, 10 s.
    mvc_quantile : float
        The estimated MVC is this quantile of the contractions' peaks, 0.9.
    mvc_percent, duration_s : float
        What a good contraction reaches: 75 % of the MVC, held for 2 s.
    trend_points : int
        No stored trend has more points, 120.

    References
    ----------
    .. [1] C. J. De Luca, L. D. Gilmore, M. Kuznetsov, S. H. Roy, "Filtering the surface EMG
       signal: Movement artifact and baseline noise contamination", Journal of Biomechanics 43,
       1573-1579, 2010. :doi:`10.1016/j.jbiomech.2010.01.027`
    """

    band_low_hz: float = 20.0
    band_high_hz: float = 450.0
    filter_order: int = 4
    gap_s: float = 0.05
    amplitude_s: float = 0.1
    spectrum_s: float = 1.0
    spectrum_at_least_s: float = 0.25
    spectrum_at_least_db: float = 10.0
    detector: Literal["adaptive", "ten_percent"] = "adaptive"
    noise_margin_db: float = 3.0
    below_reference_db: float = 13.0
    reference_s: float = 0.4
    hysteresis_db: float = 2.0
    merge_s: float = 0.25
    shortest_s: float = 0.12
    longest_s: float = 10.0
    mvc_quantile: float = 0.9
    mvc_percent: float = Targets.mvc_percent
    duration_s: float = Targets.duration_s
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
