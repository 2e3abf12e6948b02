"""What stands in a report, whatever it is written in."""

from collections.abc import Iterator
from dataclasses import dataclass

from emg.analytics.units import VOLTS
from emg.models import Recording
from emg.pages.score import NAMES
from emg.recordings import scoring

NOTICE = (
    "The parameters of this analysis and the constants of its score are not clinically validated. "
    "Contraction detection, fatigue and symmetry are experimental. Not for diagnosis."
)
PARTS = {
    "overall": "Overall",
    **NAMES,
    "limb_symmetry_index": "Limb symmetry index, %",
    "strength_symmetry": "Symmetry of mean peaks, %",
}
CHANNEL_COLUMNS = (
    *("Side", "Channel", "Contractions", "Good", "Completion, %", "Intensity, %", "Duration, %"),
    *("Score", "Unit", "MVC", "MVC is", "RMS", "MAV", "MPF, Hz", "MDF, Hz", "MDF slope, Hz/min"),
)
CONTRACTION_COLUMNS = (
    *("Channel", "No.", "Start, s", "End, s", "Duration, s", "Unit", "Peak", "Mean", "% of MVC"),
    *("MPF, Hz", "MDF, Hz", "Strong enough", "Long enough", "Good"),
)
Value = str | int | float | None


@dataclass(frozen=True)
class ReportTable:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    # Instead of rows, if there are none.
    empty: str = ""


def tables(recording: Recording) -> list[ReportTable]:
    recording.profile = scoring.profile_of(recording)
    none = "" if recording.analytics else "Not analysed."
    flags: list[tuple[Value, ...]] = [
        (channel, flag["words"], flag["consequence"])
        for channel, found in (recording.analytics or {}).items()
        for flag in found["quality"]
    ]
    return [
        ReportTable("Session", ("", ""), list(_session(recording))),
        ReportTable("Score", ("Part", "0 to 100"), list(_score(recording)), "Not scored."),
        ReportTable("Channels", CHANNEL_COLUMNS, list(_channels(recording)), none),
        ReportTable("Quality", ("Channel", "What", "So"), flags, none or "Nothing."),
        ReportTable(
            "Contractions", CONTRACTION_COLUMNS, list(_contractions(recording)), none or "None."
        ),
    ]


def _session(recording: Recording) -> Iterator[tuple[str, Value]]:
    metadata = recording.metadata or {}
    yield "Session", recording.session_id
    yield "Patient", recording.patient_code
    yield "Recorded", f"{recording.recorded_at:%Y-%m-%d %H:%M} UTC"
    yield "Duration, s", metadata.get("duration_seconds")
    yield "Sampling rate, Hz", metadata.get("sampling_rate")
    yield "SHA-256 of the file", recording.sha256
    yield "Status", f"{recording.status.label}. {recording.reason}".removesuffix(" ")
    yield "Parameters, version", recording.processing_version
    yield "Exertion (Borg CR-10)", recording.rpe
    yield "Pressure, % AOP", recording.bfr_pressure_percent
    yield "Game points", recording.game_points
    yield "Most game points", recording.game_max_points


def _score(recording: Recording) -> Iterator[tuple[str, Value]]:
    scores = recording.scores
    if scores is None:
        return
    for name, words in PARTS.items():
        yield words, scores.get(name)
    yield "Pressure was right", yes_or_no(scores.get("pressure_kept"))
    yield "Left out", ", ".join(scores.get("missing", ()))
    yield "Profile", scores.get("profile")
    yield "Profile, version", scores.get("profile_version")


def _channels(recording: Recording) -> Iterator[tuple[Value, ...]]:
    sides = {channel: side for side, channel in scoring.sides(recording).items() if channel}
    for channel, found in (recording.analytics or {}).items():
        side = sides.get(channel, "")
        scored = (recording.scores or {}).get(side) or {}
        unit, factor = readable(found["unit"])
        own = recording.own_targets(channel).get("mvc")
        slope = (found["fatigue"] or {}).get("mdf") or {}
        yield (
            *(side, channel, scored.get("count", len(found["contractions"])), scored.get("good")),
            *(times(scored.get(name), 100) for name in ("completion", "intensity", "duration")),
            *(scored.get("score"), unit, times(own or found["mvc"]["value"], factor)),
            "given" if own else found["mvc"]["source"],
            *(times(found[name], factor) for name in ("rms", "mav")),
            *(found["mpf"], found["mdf"], slope.get("per_minute")),
        )


def _contractions(recording: Recording) -> Iterator[tuple[Value, ...]]:
    judged = scoring.judged(recording) if recording.analytics else {}
    for channel, contractions in judged.items():
        unit, factor = readable((recording.analytics or {})[channel]["unit"])
        for number, each in enumerate(contractions, 1):
            yield (
                *(channel, number, each.start_s, each.end_s, each.duration_s),
                *(unit, times(each.peak, factor), times(each.mean, factor)),
                *(each.mvc_percent, each.mpf, each.mdf),
                *map(yes_or_no, (each.meets_mvc, each.meets_duration, each.good)),
            )


def readable(unit: str) -> tuple[str, float]:
    """Muscles are told of in microvolts."""
    return ("µV", VOLTS[unit] * 1e6) if unit in VOLTS else (unit, 1.0)


def times(value: float | None, factor: float) -> float | None:
    return None if value is None else float(f"{value * factor:.6g}")


def yes_or_no(value: bool | None) -> str:  # noqa: FBT001 (a value, no switch)
    return {True: "yes", False: "no", None: ""}[value]
