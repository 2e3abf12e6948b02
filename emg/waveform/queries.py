"""What is asked of a channel, and what is stored of it beside its samples."""

from dataclasses import asdict, dataclass
from typing import Any

from emg.models import Recording
from emg.recordings import scoring

LEAST_POINTS, POINTS, MOST_POINTS = 50, 1000, 2000
LONGEST_S = 1_000_000
Json = dict[str, Any]


@dataclass(frozen=True)
class StretchQuery:
    channel: str
    start_s: float = 0
    end_s: float | None = None
    points: int = POINTS


@dataclass(frozen=True)
class Judged:
    """What is stored of a channel: in its unit, by the targets of now."""

    contractions: list[Json]
    mvc: float | None
    mvc_source: str
    target: float | None
    threshold: float | None


UNJUDGED = Judged([], None, "none", None, None)


def judged(recording: Recording, channel: str) -> Judged:
    analysis = (recording.analytics or {}).get(channel)
    if analysis is None:
        return UNJUDGED
    recording.profile = scoring.profile_of(recording)
    constants = recording.profile.constants()
    muscle = scoring.muscles(recording, constants)[channel]
    is_given = bool(recording.own_targets(channel).get("mvc"))
    return Judged(
        contractions=[asdict(each) for each in muscle.contractions],
        mvc=muscle.mvc,
        mvc_source="given" if is_given else analysis["mvc"]["source"],
        target=(muscle.targets or constants.targets).level(muscle.mvc),
        threshold=analysis["threshold"],
    )
