"""Recordings in words: amplitudes, states, verdicts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from emg.analytics import Contraction
from emg.analytics.units import VOLTS
from emg.models import Recording
from omibackend.core.show.human import ago, span
from omibackend.core.work.leased import State, most_attempts

NOTHING = "\N{EN DASH}"
MICRO, MILLI = "µV", "mV"
MILLI_FROM_V = 0.01
Chip = tuple[str, str, str]
STATES: dict[str, Chip] = {
    "done": ("ok", "check", "analysed"),
    "waiting": ("info", "hourglass_empty", "waiting"),
    "running": ("info", "sync", "running"),
    "retry": ("warn", "schedule", "will retry"),
    "failed": ("bad", "error", "not analysed"),
    "stale": ("warn", "sync_problem", "could not be read again"),
}
FLAGS = {
    "too_short": "too short",
    "missing": "gaps",
    "flat": "flat",
    "clipping": "clipping",
    "mains_hum": "mains hum",
    "no_contractions": "no contraction",
    "weak": "weak",
    "long_hold": "long hold",
    "mvc_estimated": "MVC estimated",
}
# These leave nothing to score; the others change what the numbers are worth.
SEVERE = frozenset({"too_short", "flat", "no_contractions"})
# Known in nearly every recording: not a reason to look at this one.
USUAL = frozenset({"mvc_estimated"})
MOST_NAMED = 2


@dataclass(frozen=True)
class Scale:
    """How amplitudes of a channel are told: `factor` times the stored number, in `unit`."""

    factor: float
    unit: str

    def words(self, value: float | None) -> str:
        return NOTHING if value is None else f"{figure(value * self.factor)} {self.unit}".strip()


def scale_of(unit: str, largest: float) -> Scale:
    if unit not in VOLTS:
        return Scale(1.0, unit)
    volts = VOLTS[unit]
    if abs(largest) * volts >= MILLI_FROM_V:
        return Scale(volts * 1e3, MILLI)
    return Scale(volts * 1e6, MICRO)


def figure(value: float) -> str:
    """Three significant digits, never more than are known."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{value:,.{places}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _in_whole(unit: str) -> Callable[[float | None], str]:
    return lambda value: NOTHING if value is None else f"{value:.0f}{unit}"


whole, percent, hertz = _in_whole(""), _in_whole(" %"), _in_whole(" Hz")


def title_of(recording: Recording) -> str:
    return f"{name_of(recording)} · {minute(recording.recorded_at)}"


def name_of(recording: Recording) -> str:
    return recording.patient_code or recording.session_code or recording.session_id


def minute(at: Any) -> str:
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %Y %H:%M}"


def shown_state(recording: Recording) -> str:
    if recording.state in (State.DEAD, State.IGNORED):
        return "stale" if recording.analysed_at else "failed"
    if recording.state == State.LEASED:
        return "running"
    if recording.state == State.PENDING:
        return "retry" if recording.attempts and recording.last_error else "waiting"
    return "done"


@dataclass(frozen=True)
class RecordingBanner:
    tone: str
    symbol: str
    lead: str
    text: str
    # None: there is nothing to wait for.
    percent: int | None = None
    waits: bool = False


def banner_of(recording: Recording) -> RecordingBanner | None:
    """What is to be said before anything else; None: it is analysed, and that is all."""
    state = shown_state(recording)
    tone, symbol, _ = STATES[state]
    if state == "done":
        return None
    if state == "failed":
        text = f"{_reason(recording)} What is known of the file is kept below."
        return RecordingBanner(tone, symbol, "Not analysed.", text)
    if state == "stale":
        when = ago(recording.analysed_at or timezone.now())
        text = f"{_reason(recording)} What follows is as it was analysed {when}."
        return RecordingBanner(tone, symbol, "The file could not be read again.", text)
    return _unfinished(recording, state, tone, symbol)


def _unfinished(recording: Recording, state: str, tone: str, symbol: str) -> RecordingBanner:
    so_far = "Its channels and its length are known already."
    if recording.analytics:
        so_far = "What follows is the earlier analysis."
    elif recording.metadata is None:
        so_far = "The file has not been opened yet."
    if state == "running":
        done = recording.progress_percent
        return RecordingBanner(
            tone, symbol, "Analysis is running.", so_far, percent=done, waits=True
        )
    if state == "waiting":
        return RecordingBanner(tone, symbol, "Waiting to be analysed.", so_far, waits=True)
    wait_s = (recording.next_attempt_at - timezone.now()).total_seconds()
    when = f"in {span(wait_s)}" if wait_s > 0 else "as soon as a worker is free"
    text = f"Attempt {recording.attempts} of {most_attempts()} failed: {_reason(recording)}"
    return RecordingBanner(tone, symbol, f"Will be tried again {when}.", text, waits=True)


def _reason(recording: Recording) -> str:
    said = recording.last_error.strip() or "No reason was recorded"
    return said if said.endswith((".", "!", "?")) else f"{said}."


@dataclass(frozen=True)
class ContractionVerdict:
    """What was missing of a contraction; `mark` repeats what the colour says."""

    kind: str
    mark: str
    words: str


GOOD = ContractionVerdict("good", "✓", "good")
SHORT = ContractionVerdict("short", "S", "too short")
WEAK = ContractionVerdict("weak", "W", "too weak")
BOTH = ContractionVerdict("both", "B", "too short and too weak")
VERDICTS = (GOOD, SHORT, WEAK, BOTH)


def verdict_of(contraction: Contraction) -> ContractionVerdict:
    """Without an MVC nobody can say weak."""
    weak, short = contraction.meets_mvc is False, not contraction.meets_duration
    if weak:
        return BOTH if short else WEAK
    return SHORT if short else GOOD


def flags_chip(codes: list[str]) -> list[Chip]:
    """One mark for all that is unusual, the worst first; none if nothing is."""
    found = sorted(
        {code for code in codes if code not in USUAL}, key=lambda code: code not in SEVERE
    )
    if not found:
        return []
    tone, symbol, _ = flag_chip(found[0])
    more = f" +{len(found) - MOST_NAMED}" if len(found) > MOST_NAMED else ""
    named = ", ".join(flag_chip(code)[2] for code in found[:MOST_NAMED])
    return [(tone, symbol, named + more)]


def flag_chip(code: str) -> Chip:
    tone = "bad" if code in SEVERE else "warn"
    return tone, "error" if tone == "bad" else "warning", FLAGS.get(code, code.replace("_", " "))
