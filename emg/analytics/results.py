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
    """Seconds are from the first sample of the recording; amplitudes in the unit of the channel,
    from the 100 ms RMS envelope."""

    start_s: float
    end_s: float
    duration_s: float
    mean: float
    peak: float
    # Hz; None if it is too short, or too weak against rest.
    mpf: float | None
    mdf: float | None
    # Of the peak. Without an MVC neither this nor whether it was met is known.
    mvc_percent: float | None
    meets_mvc: bool | None
    meets_duration: bool
    # Everything that could be judged was reached.
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
    """Everything that is kept of one channel; `unit` is that of every amplitude."""

    # Two results can be compared if it is the same.
    parameters_version: str
    unit: str
    rate_hz: float
    duration_s: float
    # Share of samples that were missing.
    nan_fraction: float
    # Of the whole band-passed recording.
    rms: float | None
    mav: float | None
    # Hz and Hz**-6, of the contractions that are long and strong enough; None if there are none.
    mpf: float | None
    mdf: float | None
    fi_nsm5: float | None
    # Contractions over rest; None if either is missing.
    snr_db: float | None
    # Which detection found the contractions; `device` if the recording brought them along.
    detector: str
    # The level a contraction had to reach.
    threshold: float | None
    mvc: Mvc
    contractions: tuple[Contraction, ...]
    fatigue: Fatigue | None
    quality: tuple[Flag, ...]
    # Thumbnails: RMS envelope over time, power density (unit**2/Hz) over frequency.
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
