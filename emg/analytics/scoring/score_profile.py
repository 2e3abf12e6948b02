"""The constants of a score: every one that its sources disagree about.

None of them is clinically validated.
"""

import math
import zlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Literal

FORMULA = "1"
HIGHEST_RPE = 10
EFFORT_BY_RPE = (20.0, 20.0, 60.0, 80.0, 100.0, 100.0, 100.0, 80.0, 60.0, 20.0, 20.0)


@dataclass(frozen=True)
class Targets:
    """What a muscle has to do in a session."""

    contractions: int = 12
    mvc_percent: float = 75.0
    duration_s: float = 2.0

    def level(self, mvc: float | None) -> float | None:
        """What a strong contraction reaches, in the unit of the MVC."""
        return mvc * self.mvc_percent / 100 if mvc else None


@dataclass(frozen=True)
class Profile:
    # For a muscle that has none of its own.
    targets: Targets = Targets()
    # Weights within a muscle's compliance, then within the overall score.
    completion: float = 1 / 3
    intensity: float = 1 / 3
    duration: float = 1 / 3
    compliance: float = 0.50
    symmetry: float = 0.25
    effort: float = 0.25
    game: float = 0.0
    # The effort score of each rating on Borg's CR-10 scale, 0 to 10.
    effort_by_rpe: tuple[float, ...] = EFFORT_BY_RPE
    # Cuff pressure that counts as right, in % of the arterial occlusion pressure, and what a wrong
    # one makes zero.
    pressure_percent: tuple[float, float] = (45.0, 55.0)
    pressure_counts_for: Literal["compliance", "overall"] = "compliance"
    # The prescription that adherence is held against, and the day before which that says nothing.
    sessions_per_day: float = 15 / 7
    adherence_from_day: float = 3.0

    def __post_init__(self) -> None:
        if len(self.effort_by_rpe) != HIGHEST_RPE + 1:
            raise ValueError("Every rating from 0 to 10 has an effort score.")
        if min(*self.muscle_weights.values(), *self.weights.values()) < 0:
            raise ValueError("A weight is not negative.")

    @property
    def version(self) -> str:
        """Formula and a checksum of the constants: equal versions give equal scores."""
        return f"{FORMULA}+{zlib.crc32(repr(astuple(self)).encode()):08x}"

    @property
    def muscle_weights(self) -> dict[str, float]:
        return {
            "completion": self.completion,
            "intensity": self.intensity,
            "duration": self.duration,
        }

    @property
    def weights(self) -> dict[str, float]:
        return {
            "compliance": self.compliance,
            "symmetry": self.symmetry,
            "effort": self.effort,
            "game": self.game,
        }


DEFAULTS = Profile()


@dataclass(frozen=True)
class Weighted:
    """A weighted mean of the parts there are; `missing` names those that were left out of it."""

    value: float | None
    missing: tuple[str, ...]


def weighted(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> Weighted:
    """The mean of the parts there are; a missing part's weight is shared by the others."""
    known = {name: value for name, value in parts.items() if value is not None}
    total = math.fsum(weights[name] for name in known)
    missing = tuple(name for name in parts if name not in known and weights[name] > 0)
    if total == 0:
        return Weighted(None, missing)
    return Weighted(math.fsum(weights[name] * known[name] for name in known) / total, missing)
