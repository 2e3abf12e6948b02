"""The page of a recording, for staff and for its owner: everything that it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from emg.models import Recording
from emg.pages import charts
from emg.pages.charts import Course, Curve
from emg.pages.over_time import overall_trend, sessions_of
from emg.pages.picture import overview
from emg.pages.score import ScoreCard, score_card
from emg.pages.sides import SOURCES, ChannelSummary, Compared, Flagged, channels_of, compared
from emg.pages.words import (
    VERDICTS,
    Chip,
    ContractionVerdict,
    RecordingBanner,
    banner_of,
    name_of,
    percent,
    title_of,
    verdict_of,
)
from emg.recordings import scoring

MOST_ROWS = 600
RELOAD_AFTER_S = 4


@dataclass(frozen=True)
class Links:
    """Where this page's links lead; "" where this reader may not go."""

    session: Callable[[UUID], str]
    signals: str = ""
    picture: str = ""
    patient: str = ""
    over_time: str = ""
    rescore: str = ""
    csv: str = ""
    pdf: str = ""
    original: str = ""
    delivery: str = ""


@dataclass(frozen=True)
class ChannelRow:
    channel: ChannelSummary
    number: int
    contraction: Any
    verdict: ContractionVerdict
    peak: str


@dataclass(frozen=True)
class RecordingPage:
    recording: Recording
    title: str
    name: str
    banner: RecordingBanner | None
    reload_s: int | None
    links: Links
    may_see_signals: bool
    score: ScoreCard | None
    badges: list[Chip]
    is_estimated: bool
    flags: list[Flagged]
    channels: list[ChannelSummary]
    sides: list[ChannelSummary]
    others: list[ChannelSummary]
    compared: list[Compared]
    symmetry: str
    trend: SafeString
    session_count: int
    spectrum: SafeString
    fatigue: SafeString
    slopes: list[tuple[str, str]]
    overview: SafeString
    plot: dict[str, Any]
    rows: list[ChannelRow]
    more_rows: int
    verdicts: tuple[ContractionVerdict, ...]


def page(recording: Recording, *, links: Links, may_see_signals: bool) -> RecordingPage:
    profile = scoring.profile_of(recording)
    constants = profile.constants()
    channels = channels_of(recording, constants)
    sides = [channel for channel in channels if channel.tone != "other"]
    drawn = sides or channels[:2]
    rows = list(_rows(channels))
    sessions = sessions_of(recording, links.session)
    banner = banner_of(recording)
    return RecordingPage(
        recording=recording,
        title=title_of(recording),
        name=name_of(recording),
        banner=banner,
        reload_s=RELOAD_AFTER_S if banner and banner.waits else None,
        links=links,
        may_see_signals=may_see_signals,
        score=score_card(recording, constants),
        badges=_badges(channels, sides),
        is_estimated=any(one.mvc_source == "estimated" for one in sides or channels),
        flags=[flag for channel in channels for flag in channel.flags],
        channels=channels,
        sides=sides,
        others=[channel for channel in channels if channel.tone == "other"],
        compared=compared(*sides) if len(sides) == 2 else [],
        symmetry=percent((recording.scores or {}).get("symmetry")),
        trend=overall_trend(sessions, profile.target_score),
        session_count=len(sessions),
        spectrum=charts.spectrum([_curve(one) for one in drawn]),
        fatigue=charts.fatigue([_course(one) for one in drawn], length_s=_length_s(recording)),
        slopes=[_slope(one) for one in drawn],
        overview=(
            overview(channels[0], _length_s(recording))
            if may_see_signals and channels
            else SafeString("")
        ),
        plot=_plot(recording, channels, links),
        rows=rows[:MOST_ROWS],
        more_rows=max(len(rows) - MOST_ROWS, 0),
        verdicts=VERDICTS,
    )


def _badges(channels: list[ChannelSummary], sides: list[ChannelSummary]) -> list[Chip]:
    """Where the MVC comes from, how clear each side is, and what is wrong."""
    sources = dict.fromkeys(channel.mvc_source for channel in sides or channels)
    found: list[Chip] = [SOURCES[source] for source in sources]
    found += [one.snr for one in sides if one.snr]
    return found


def _rows(channels: list[ChannelSummary]) -> Any:
    for channel in channels:
        for number, one in enumerate(channel.contractions, 1):
            yield ChannelRow(channel, number, one, verdict_of(one), channel.scale.words(one.peak))


def _curve(channel: ChannelSummary) -> Curve:
    found = channel.analysis
    return Curve(channel.tone, channel.title, found["spectrum"], found["mpf"], found["mdf"])


def _course(channel: ChannelSummary) -> Course:
    points = [
        ((one.start_s + one.end_s) / 2, one.mdf)
        for one in channel.contractions
        if one.mdf is not None
    ]
    fatigue = channel.analysis["fatigue"]
    # Of one long hold the slope is over windows within it, not over contractions.
    is_drawn = fatigue and fatigue["basis"] == "contractions"
    return Course(channel.tone, channel.title, points, fatigue["mdf"] if is_drawn else None)


def _slope(channel: ChannelSummary) -> tuple[str, str]:
    fatigue = channel.analysis["fatigue"]
    if not fatigue:
        return channel.tone, f"{channel.title}: too few for a slope"
    slope = fatigue["mdf"]
    fit = "" if slope["r2"] is None else f", r² {slope['r2']:.2f}"
    within = " within one hold" if fatigue["basis"] == "windows" else ""
    return channel.tone, f"{channel.title} {slope['per_minute']:+.1f} Hz/min{within}{fit}"


def _length_s(recording: Recording) -> float:
    return float((recording.metadata or {}).get("duration_seconds") or 1.0)


def _plot(recording: Recording, channels: list[ChannelSummary], links: Links) -> dict[str, Any]:
    """What the script needs besides the samples, which it asks for itself."""
    return {
        "signals": links.signals,
        "length_s": _length_s(recording),
        "rate_hz": (recording.metadata or {}).get("sampling_rate"),
        "channels": [
            {
                "name": channel.name,
                "title": channel.title,
                "tone": channel.tone,
                "unit": channel.scale.unit,
                "factor": channel.scale.factor,
                "mvc": channel.mvc,
                "threshold": channel.threshold,
                "contractions": [
                    [one.start_s, one.end_s, verdict.kind, verdict.mark]
                    for one in channel.contractions
                    for verdict in [verdict_of(one)]
                ],
            }
            for channel in channels
        ],
    }
