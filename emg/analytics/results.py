"""What an analysis leaves behind: numbers for a row of a database, never samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any

SIGNIFICANT_DIGITS = 6


class MvcSource(StrEnum):
    GIVEN = "given"
    STORED = "stored"
    ESTIMATED = "estimated"
    NONE = "none"


@dataclass(frozen=True)
class Mvc:
    """The amplitude of a maximal voluntary contraction, and how it is known.

    `value` is in `unit`, None if there is none (`source` is then `none`).
    """

    value: float | None
    unit: str
    source: MvcSource


@dataclass(frozen=True)
class Contraction:
    """One contraction. Amplitudes in the unit of the channel, from the 100 ms RMS envelope.

    Attributes
    ----------
    start_s, end_s, duration_s : float
        Seconds from the first sample of the recording.
    mean, peak : float
        Of the envelope.
    mpf, mdf : float or None
        Hz; None if the contraction is too short, or too weak against rest.
    mvc_percent : float or None
        The peak as a share of the MVC; None without an MVC.
    meets_mvc : bool or None
        None without an MVC.
    meets_duration : bool
    good : bool
        Everything that could be judged was reached.
    """

    start_s: float
    end_s: float
    duration_s: float
    mean: float
    peak: float
    mpf: float | None
    mdf: float | None
    mvc_percent: float | None
    meets_mvc: bool | None
    meets_duration: bool
    good: bool


@dataclass(frozen=True)
class Slope:
    """A straight line through a trend.

    `per_minute` is in the trend's unit per minute, `percent_per_minute` relates it to the line's
    value at the beginning of the recording (None if that is not positive), `r2` is None if the
    trend does not vary at all.
    """

    per_minute: float
    percent_per_minute: float | None
    intercept: float
    n: int
    r2: float | None


@dataclass(frozen=True)
class Fatigue:
    """Slopes of MDF and MPF (Hz) and of FInsm5 (% of its first value). Experimental.

    `basis` says whether a point is a contraction or a window of the one long contraction. A slope
    of MDF is only classical for isometric holds of constant force.
    """

    basis: str
    mdf: Slope
    mpf: Slope
    fi_nsm5: Slope
    experimental: bool = True


@dataclass(frozen=True)
class Flag:
    """Something about the recording that changes what its numbers are worth."""

    code: str
    words: str
    consequence: str
    value: float | None = None


@dataclass(frozen=True)
class Trend:
    """At most `Parameters.trend_points` numbers from `start` on, `step` apart (seconds or Hz)."""

    start: float
    step: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class ChannelAnalysis:
    """Everything that is kept of one channel.

    Attributes
    ----------
    parameters_version : str
        Two results can be compared if it is the same.
    unit : str
        Of every amplitude here.
    rate_hz, duration_s : float
    nan_fraction : float
        Share of samples that were missing.
    rms, mav : float or None
        Of the whole band-passed recording.
    mpf, mdf : float or None
        Hz, of the contractions that are long and strong enough; None if there are none.
    fi_nsm5 : float or None
        Hz**-6, of the same.
    snr_db : float or None
        Contractions over rest; None if either is missing.
    detector : str
        Which detection found the contractions; `device` if the recording brought them along.
    threshold : float or None
        The level a contraction had to reach.
    mvc : Mvc
    contractions : tuple of Contraction
    fatigue : Fatigue or None
    quality : tuple of Flag
    envelope, spectrum : Trend or None
        Thumbnails: RMS envelope over time, power density (unit**2/Hz) over frequency.
    """

    parameters_version: str
    unit: str
    rate_hz: float
    duration_s: float
    nan_fraction: float
    rms: float | None
    mav: float | None
    mpf: float | None
    mdf: float | None
    fi_nsm5: float | None
    snr_db: float | None
    detector: str
    threshold: float | None
    mvc: Mvc
    contractions: tuple[Contraction, ...]
    fatigue: Fatigue | None
    quality: tuple[Flag, ...]
    envelope: Trend | None
    spectrum: Trend | None


def as_json(result: object) -> Any:
    """Plain dicts, lists and numbers; floats to six significant digits, which no metric exceeds."""
    if isinstance(result, float):
        return float(f"{result:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(result, StrEnum):
        return result.value
    if is_dataclass(result):
        return {field.name: as_json(getattr(result, field.name)) for field in fields(result)}
    if isinstance(result, Sequence) and not isinstance(result, str):
        return [as_json(item) for item in result]
    return result


def contraction_from(stored: Mapping[str, Any]) -> Contraction:
    """A contraction back from its JSON; keys of an older or newer version are left out."""
    return Contraction(**{field.name: stored[field.name] for field in fields(Contraction)})
