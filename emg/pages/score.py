"""The score of a session with its parts, and what they are worth."""

from dataclasses import dataclass
from typing import Any

from emg.analytics.scoring.score_profile import Profile
from emg.models import Recording
from emg.pages.words import NOTHING, figure, whole

MISSING = {
    "left": "the left muscle was not recorded",
    "right": "the right muscle was not recorded",
    "effort": "no RPE was given",
    "game": "no game points were given",
}
NAMES = {"compliance": "Compliance", "symmetry": "Symmetry", "effort": "Effort", "game": "Game"}


@dataclass(frozen=True)
class Part:
    """`points` of `most` in the overall score; both None where it is left out."""

    name: str
    note: str
    percent: float | None
    points: str
    most: str


@dataclass(frozen=True)
class ScoreCard:
    overall: str
    words: str
    parts: list[Part]
    missing: list[str]
    # The constants have changed since.
    outdated: bool
    pressure: str
    profile: str


def score_card(recording: Recording, profile: Profile) -> ScoreCard | None:
    scores = recording.scores
    if not scores:
        return None
    value = scores["overall"]
    return ScoreCard(
        overall=whole(value),
        words="not scored" if value is None else "of 100",
        parts=list(_parts(recording, scores, profile)),
        missing=[MISSING[name] for name in scores["missing"] if name in MISSING],
        outdated=scores["profile_version"] != profile.version,
        pressure=_pressure(recording, scores, profile),
        profile=scores.get("profile", ""),
    )


def _parts(recording: Recording, scores: dict[str, Any], profile: Profile) -> list[Part]:
    """A missing part's weight is shared by the others."""
    known = {name: w for name, w in profile.weights.items() if scores[name] is not None}
    total = sum(known.values())
    wanted = [name for name, w in profile.weights.items() if w > 0 or name in known]
    return [
        _part(name, scores, known.get(name, 0) / total if total else 0, _note(name, recording))
        for name in wanted
    ]


def _part(name: str, scores: dict[str, Any], share: float, note: str) -> Part:
    value = scores[name]
    if value is None:
        return Part(NAMES[name], note, None, NOTHING, "")
    points, most = value * share, 100 * share
    return Part(NAMES[name], note, value, f"{points:.1f}", f"{most:.0f}")


def _note(name: str, recording: Recording) -> str:
    scores = recording.scores or {}
    if name == "compliance":
        sides = [
            f"{side} {scores[side]['score']:.0f}" for side in ("left", "right") if scores[side]
        ]
        return f"mean of {' and '.join(sides)}" if len(sides) == 2 else "needs both sides"
    if name == "symmetry":
        return "1 − |L − R| / (L + R)"
    if name == "effort":
        return "no RPE given" if recording.rpe is None else f"RPE {recording.rpe:g} of 10"
    points, most = recording.game_points, recording.game_max_points
    return "not given" if points is None or not most else f"{points:g} of {most:g} points"


def _pressure(recording: Recording, scores: dict[str, Any], profile: Profile) -> str:
    """What a wrong pressure has done to the score."""
    if scores["pressure_kept"] is not False:
        return ""
    low, high = profile.pressure_percent
    spoiled = "the score" if profile.pressure_counts_for == "overall" else "compliance"
    had = figure(recording.bfr_pressure_percent or 0)
    return f"Pressure {had} % AOP is outside {low:g}–{high:g} %: {spoiled} counts as zero"
