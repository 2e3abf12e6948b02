"""The page of a recording, for staff and for its owner: everything that it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from emg.models import Recording
from emg.pages import charts
from emg.pages.charts import Course, Curve
from emg.pages.over_time import overall_trend, sessions_of
from emg.pages.picture import overview
from emg.pages.score import score_card
from emg.pages.sides import SOURCES, ChannelSummary, channels_of, compared
from emg.pages.words import VERDICTS, Chip, banner_of, percent, title_of, verdict_of
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


def page(recording: Recording, *, links: Links, may_see_signals: bool) -> dict[str, Any]:
    """What the template reads, by its names."""
    profile = scoring.profile_of(recording)
    constants = profile.constants()
    channels = channels_of(recording, constants)
    sides = [channel for channel in channels if channel.tone != "other"]
    drawn = sides or channels[:2]
    rows = [
        {
            "channel": channel,
            "number": number,
            "contraction": one,
            "verdict": verdict_of(one),
            "peak": channel.scale.words(one.peak),
        }
        for channel in channels
        for number, one in enumerate(channel.contractions, 1)
    ]
    sessions = sessions_of(recording, links.session)
    banner = banner_of(recording)
    length_s = float((recording.metadata or {}).get("duration_seconds") or 1.0)
    return {
        "recording": recording,
        "title": title_of(recording),
        "banner": banner,
        "reload_s": RELOAD_AFTER_S if banner and banner.waits else None,
        "links": links,
        "may_see_signals": may_see_signals,
        "score": score_card(recording, constants),
        "badges": _badges(channels, sides),
        "is_estimated": any(one.mvc_source == "estimated" for one in sides or channels),
        "flags": [flag for channel in channels for flag in channel.flags],
        "channels": channels,
        "sides": sides,
        "others": [channel for channel in channels if channel.tone == "other"],
        "compared": compared(*sides) if len(sides) == 2 else [],
        "symmetry": percent((recording.scores or {}).get("symmetry")),
        "trend": overall_trend(sessions, profile.target_score),
        "session_count": len(sessions),
        "spectrum": charts.spectrum([_curve(one) for one in drawn]),
        "fatigue": charts.fatigue([_course(one) for one in drawn], length_s=length_s),
        "slopes": [_slope(one) for one in drawn],
        "overview": overview(channels[0], length_s) if may_see_signals and channels else "",
        "plot": _plot(recording, channels, links.signals, length_s),
        "rows": rows[:MOST_ROWS],
        "more_rows": max(len(rows) - MOST_ROWS, 0),
        "verdicts": VERDICTS,
    }


def _badges(channels: list[ChannelSummary], sides: list[ChannelSummary]) -> list[Chip]:
    """Where the MVC comes from, how clear each side is, and what is wrong."""
    sources = dict.fromkeys(channel.mvc_source for channel in sides or channels)
    return [*(SOURCES[source] for source in sources), *(one.snr for one in sides if one.snr)]


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


def _plot(
    recording: Recording, channels: list[ChannelSummary], signals: str, length_s: float
) -> dict[str, Any]:
    """What the script needs besides the samples, which it asks for itself."""
    return {
        "signals": signals,
        "length_s": length_s,
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
