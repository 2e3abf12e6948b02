"""The GHOSTLY+ performance score, from stored contractions alone.

Neither its constants (see `score_profile`) nor its formula are clinically validated; symmetry in
particular has many rival definitions [1]_.

.. [1] C. Bishop et al., 2016. :doi:`10.1519/SSC.0000000000000264`
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from emg.analytics.results import Contraction
from emg.analytics.scoring.score_profile import DEFAULTS, HIGHEST_RPE, Profile, Targets, weighted
from emg.analytics.scoring.targets import judge


@dataclass(frozen=True)
class Muscle:
    """One side's contractions as stored, its MVC in their unit, and its own targets, if any."""

    contractions: Sequence[Contraction]
    mvc: float | None
    targets: Targets | None = None


@dataclass(frozen=True)
class Compliance:
    """How far a muscle reached its targets: three rates (0 to 1) and their score (0 to 100).

    `intensity` is None without an MVC: the other two then share its weight.
    """

    count: int
    good: int
    completion: float
    intensity: float | None
    duration: float
    score: float
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """A session's score, 0 to 100, and its parts. None means not scored, never zero."""

    profile_version: str
    # None without both muscles.
    overall: float | None
    left: Compliance | None
    right: Compliance | None
    compliance: float | None
    symmetry: float | None
    effort: float | None
    game: float | None
    # None if no pressure was recorded, which costs nothing.
    pressure_kept: bool | None
    # 100 times the weaker compliance over the stronger, and the same of mean peaks in % of MVC.
    limb_symmetry_index: float | None
    strength_symmetry: float | None
    # Parts whose weight went to the others, and muscles that were not recorded.
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Game:
    points: float
    most: float


@dataclass(frozen=True)
class Circumstances:
    """What a session's score takes besides EMG; each may be unknown.

    `rpe` is Borg's CR-10 rating, `pressure_percent` the cuff pressure in % of the arterial
    occlusion pressure.
    """

    rpe: float | None = None
    game: Game | None = None
    pressure_percent: float | None = None


UNKNOWN = Circumstances()


def score(
    *,
    left: Muscle | None,
    right: Muscle | None,
    circumstances: Circumstances = UNKNOWN,
    profile: Profile = DEFAULTS,
) -> Score:
    """Score a session, or score it again with other targets: no sample is read. Raises ValueError
    for an RPE that is not within 0 to 10, and a game without a positive maximum."""
    sides = {"left": compliance(left, profile), "right": compliance(right, profile)}
    both = [each.score for each in sides.values() if each]
    if len(both) < len(sides):
        both = []
    kept = pressure_kept(circumstances.pressure_percent, profile)
    spoiled = None if kept is not False else profile.pressure_counts_for
    parts = {
        "compliance": sum(both) / 2 * (spoiled != "compliance") if both else None,
        "symmetry": symmetry(*both) if both else None,
        "effort": effort(circumstances.rpe, profile),
        "game": game(circumstances.game),
    }
    overall = weighted(parts, profile.weights)
    value = overall.value if both else None
    return Score(
        profile_version=profile.version,
        overall=value * (spoiled != "overall") if value is not None else None,
        left=sides["left"],
        right=sides["right"],
        compliance=parts["compliance"],
        symmetry=parts["symmetry"],
        effort=parts["effort"],
        game=parts["game"],
        pressure_kept=kept,
        limb_symmetry_index=limb_symmetry_index(*both) if both else None,
        strength_symmetry=strength_symmetry(left, right),
        missing=(*(side for side in sides if not sides[side]), *overall.missing),
    )


def compliance(muscle: Muscle | None, profile: Profile) -> Compliance | None:
    """A muscle against its targets; without a single contraction all of it is zero."""
    if muscle is None:
        return None
    targets = muscle.targets or profile.targets
    judged = judge(
        muscle.contractions,
        mvc=muscle.mvc,
        mvc_percent=targets.mvc_percent,
        duration_s=targets.duration_s,
    )
    count = len(judged)
    rates = {
        "completion": min(count / targets.contractions, 1.0),
        "intensity": share([each.meets_mvc for each in judged]),
        "duration": share([each.meets_duration for each in judged]) or 0.0,
    }
    found = weighted(rates, profile.muscle_weights)
    return Compliance(
        count=count,
        good=sum(each.good for each in judged),
        completion=rates["completion"] or 0.0,
        intensity=rates["intensity"],
        duration=rates["duration"] or 0.0,
        score=100 * (found.value or 0.0),
        missing=found.missing,
    )


def share(reached: Sequence[bool | None]) -> float | None:
    """Zero of nothing is zero; what could not be judged has no share."""
    if None in reached:
        return None
    return sum(map(bool, reached)) / len(reached) if reached else 0.0


def symmetry(left: float, right: float) -> float:
    """100 for equal sides, 0 if one side did nothing, or both."""
    return (1 - abs(left - right) / (left + right)) * 100 if left + right > 0 else 0.0


def limb_symmetry_index(left: float, right: float) -> float | None:
    """The weaker side in % of the stronger; None if neither did anything."""
    return 100 * min(left, right) / max(left, right) if max(left, right) > 0 else None


def strength_symmetry(left: Muscle | None, right: Muscle | None) -> float | None:
    peaks = [mean_peak(muscle) for muscle in (left, right)]
    known = [each for each in peaks if each is not None]
    return limb_symmetry_index(*known) if len(known) == len(peaks) else None


def mean_peak(muscle: Muscle | None) -> float | None:
    """In % of MVC."""
    if muscle is None or not muscle.mvc or not muscle.contractions:
        return None
    peaks = [each.peak for each in muscle.contractions]
    return 100 * math.fsum(peaks) / len(peaks) / muscle.mvc


def effort(rpe: float | None, profile: Profile) -> float | None:
    """The score of a rating; half ratings go to the nearest whole one, upwards."""
    if rpe is None:
        return None
    if not 0 <= rpe <= HIGHEST_RPE:
        raise ValueError("Borg's CR-10 scale goes from 0 to 10.")
    return profile.effort_by_rpe[math.floor(rpe + 0.5)]


def game(played: Game | None) -> float | None:
    if played is None:
        return None
    if not played.most > 0:
        raise ValueError("A game has a positive maximum.")
    return 100 * min(max(played.points / played.most, 0.0), 1.0)


def pressure_kept(pressure_percent: float | None, profile: Profile) -> bool | None:
    if pressure_percent is None:
        return None
    lowest, highest = profile.pressure_percent
    return lowest <= pressure_percent <= highest


def adherence(sessions_done: int, *, day: float, profile: Profile = DEFAULTS) -> float | None:
    """Sessions done in % of those prescribed until `day`, at most 100; None in the first days."""
    if day < profile.adherence_from_day:
        return None
    return min(100.0, 100 * sessions_done / (profile.sessions_per_day * day))
