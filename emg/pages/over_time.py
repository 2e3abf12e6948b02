"""A patient's sessions over time, against what was asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from emg.analytics.scoring import score
from emg.models import Recording, ScoringProfile
from emg.pages import charts
from emg.pages.charts import Point
from emg.pages.words import NOTHING, minute, whole
from omibackend.core.show.charts import ceiling

MOST_SESSIONS = 200
DAY = timedelta(days=1)
LISTED = ("pk", "recorded_at", "session_code", "session_id", "scores", "rpe", "processing_version")
Links = Any


@dataclass(frozen=True)
class Session:
    at: datetime
    name: str
    scores: dict[str, Any]
    rpe: float | None
    link: str
    is_here: bool
    version: str

    @property
    def cells(self) -> list[str]:
        sides = [self.scores.get(side) for side in ("left", "right")]
        return [
            whole(self.scores.get("overall")),
            *(whole(side and side["score"]) for side in sides),
            *(f"{side['good']} of {side['count']}" if side else NOTHING for side in sides),
            whole(self.scores.get("symmetry")),
            NOTHING if self.rpe is None else f"{self.rpe:g}",
        ]


def sessions_of(recording: Recording, links: Links) -> list[Session]:
    """The newest of this owner's patient, oldest first. Only scores are read, never metrics."""
    if not recording.patient_code:
        return []
    rows = Recording.objects.filter(
        owner_id=recording.owner_id,
        patient_code=recording.patient_code,
        scores__isnull=False,
    ).order_by("-recorded_at", "-id")
    newest = list(rows.values(*LISTED)[:MOST_SESSIONS])
    return [
        Session(
            at=row["recorded_at"],
            name=row["session_code"] or row["session_id"],
            scores=row["scores"],
            rpe=row["rpe"],
            link=links(row["pk"]),
            is_here=row["pk"] == recording.pk,
            version=row["processing_version"],
        )
        for row in reversed(newest)
    ]


def points(sessions: Sequence[Session], value: Any) -> list[Point]:
    known = [(session, value(session)) for session in sessions]
    return [
        Point(
            session.at,
            number,
            "" if session.is_here else session.link,
            f"{minute(session.at)}: {number:.0f}",
            session.is_here,
        )
        for session, number in known
        if number is not None
    ]


def overall_trend(sessions: Sequence[Session], target: float) -> SafeString:
    found = points(sessions, lambda session: session.scores.get("overall"))
    return charts.trend(found, name="Score of each session", target=target)


def over_time(recording: Recording, profile: ScoringProfile, links: Links) -> dict[str, Any]:
    sessions = sessions_of(recording, links)
    share, note = _adherence(sessions, profile)
    versions = {(one.version, one.scores.get("profile_version")) for one in sessions}
    symmetry = points(sessions, lambda session: session.scores.get("symmetry"))
    drawn = {
        "Score": overall_trend(sessions, profile.target_score),
        "Symmetry": charts.trend(symmetry, name="Symmetry of each session"),
        "Left: good repetitions": _repetitions(sessions, profile, "left"),
        "Right: good repetitions": _repetitions(sessions, profile, "right"),
    }
    return {
        "recording": recording,
        "sessions": sessions,
        "charts": [{"title": title, "drawing": drawing} for title, drawing in drawn.items()],
        "adherence": share,
        "adherence_note": note,
        "versions": len(versions) > 1,
        "link": links(recording.pk),
    }


def _repetitions(sessions: list[Session], profile: ScoringProfile, side: str) -> SafeString:
    wanted = profile.expected_contractions
    found = points(sessions, lambda session: (session.scores[side] or {}).get("good"))
    high = ceiling(max([wanted * 1.1, *(point.value for point in found)]))
    name = f"Good repetitions, {side}"
    return charts.trend(found, name=name, target=wanted, high=high, tone=side)


def _adherence(sessions: list[Session], profile: ScoringProfile) -> tuple[str, str]:
    """From the first session to the last one: nobody knows when a treatment ends."""
    if not sessions:
        return NOTHING, ""
    days = (sessions[-1].at - sessions[0].at) / DAY
    found = score.adherence(len(sessions), day=days, profile=profile.constants())
    per_week = f"{profile.sessions_per_week:g} a week are prescribed"
    if found is None:
        early = f"told from day {profile.adherence_from_day:g} on"
        return NOTHING, f"{early}; {per_week}"
    return f"{found:.0f} %", f"{len(sessions)} sessions in {days:.0f} days; {per_week}"
