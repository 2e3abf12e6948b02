"""One channel of a whole session, drawn once: in its page until the script has drawn, as a picture
for browsers that run none, and on paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.safestring import SafeString

from emg.models import Recording
from emg.pages.sides import ChannelSummary, channels_of
from emg.pages.words import verdict_of
from emg.recordings import scoring
from emg.waveform import reading
from emg.waveform.queries import StretchQuery, judged
from omibackend.core.errors import Refused
from omibackend.core.show.charts import Box, Frame, Label, Stroke, ceiling, el, runs, ticks

CAP = 5
INK, SOFT = "#0f172a", "#64748b"
SIDES = {"left": "#0e7490", "right": "#b45309", "other": "#1d5bb3"}
VERDICTS = {"good": "#1d7044", "short": "#c28604", "weak": "#5c93e9", "both": "#6c2686"}
Values = Sequence[float | None]


@dataclass(frozen=True)
class Paint:
    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    opacity: float = 1.0
    dash: tuple[int, int] | None = None


# Of each shape where there is no style sheet: without scripts a page is light, and so is paper.
PAINTS = {
    "": Paint(fill=SOFT),
    "said": Paint(fill=INK),
    "grid": Paint(stroke="#e2e8f0"),
    "raw": Paint(fill="#94a3b8", stroke="#94a3b8", width=0.6),
    "level": Paint(stroke=INK),
    "level dashed": Paint(stroke=INK, dash=(5, 4)),
    **{f"line {side}": Paint(stroke=colour, width=1.6) for side, colour in SIDES.items()},
    **{f"band {kind}": Paint(fill=colour, opacity=0.15) for kind, colour in VERDICTS.items()},
    **{f"cap {kind}": Paint(fill=colour) for kind, colour in VERDICTS.items()},
}


@dataclass(frozen=True)
class SignalTrace:
    """In the channel's unit. `low` and `high` are empty where only the envelope is known."""

    length_s: float
    start_s: float
    step_s: float
    envelope: Values
    low: Values = ()
    high: Values = ()

    @property
    def known(self) -> Iterator[float]:
        return (abs(one) for one in (*self.envelope, *self.low, *self.high) if one is not None)


@dataclass(frozen=True)
class Picture:
    frame: Frame
    shapes: list[Stroke | Box | Label]


def overview(channel: ChannelSummary, length_s: float) -> SafeString:
    """What is stored of it."""
    stored: dict[str, Any] | None = channel.analysis["envelope"]
    if not stored or not stored["values"]:
        return SafeString("")
    drawn = draw(channel, SignalTrace(length_s, stored["start"], stored["step"], stored["values"]))
    return drawn.frame.drawing(
        *drawn.shapes,
        name="RMS envelope of the whole session",
        told=f"{channel.count} contractions",
        css="ob-overview",
    )


def picture(recording: Recording, name: str) -> HttpResponse:
    """Raises Refused where there is no such channel or no such file."""
    channels = channels_of(recording, scoring.profile_of(recording).constants())
    channel = next((one for one in channels if one.name == name), None)
    if channel is None:
        raise Refused(404, "no_such_channel", "The recording has no channel of that name.")
    drawn = from_file(recording, channel)
    image = el(
        "svg",
        *(shape.svg(**_attributes(PAINTS[shape.css])) for shape in drawn.shapes),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {drawn.frame.width} {drawn.frame.height}",
        font_family="sans-serif",
        font_size=12,
    )
    response = HttpResponse(image, content_type="image/svg+xml")
    response["Cache-Control"] = "private, no-cache"
    return response


def _attributes(paint: Paint) -> dict[str, Any]:
    return {
        "fill": paint.fill or "none",
        "stroke": paint.stroke,
        "stroke_width": paint.width if paint.stroke else None,
        "stroke_dasharray": " ".join(map(str, paint.dash)) if paint.dash else None,
        "opacity": f"{paint.opacity:g}" if paint.opacity < 1 else None,
    }


def from_file(recording: Recording, channel: ChannelSummary, *, height: int = 300) -> Picture:
    """Raises Refused where the file cannot be read."""
    asked, stored = StretchQuery(channel.name), judged(recording, channel.name)
    found = reading.find_file(recording)
    read = orjson.loads(reading.read(recording, found, asked, stored))
    trace = SignalTrace(
        length_s=read["duration_s"],
        start_s=read["t"]["start"],
        step_s=read["t"]["step"],
        envelope=read["envelope"],
        low=read["min"],
        high=read["max"],
    )
    return draw(channel, trace, height=height)


def draw(channel: ChannelSummary, trace: SignalTrace, *, height: int = 300) -> Picture:
    factor = channel.scale.factor
    levels = [value for value in (channel.mvc, channel.threshold) if value]
    top = ceiling(max([*trace.known, *levels], default=1 / factor) * factor)
    low = -top if trace.high else 0
    frame = Frame(0, trace.length_s, low, top, width=1120, height=height, left=56, top=24)
    shapes = [
        *_bands(frame, channel),
        *frame.grid(ticks(low, top, about=4)),
        *frame.feet(ticks(0, trace.length_s, about=8), name="s"),
        frame.label(channel.scale.unit, 4, 14),
        *_traces(frame, channel, trace),
        *_levels(frame, channel),
    ]
    return Picture(frame, shapes)


def _bands(frame: Frame, channel: ChannelSummary) -> Iterator[Box]:
    for one in channel.contractions:
        kind, x = verdict_of(one).kind, frame.x(one.start_s)
        width = max(frame.x(one.end_s) - x, 1.0)
        yield Box(f"band {kind}", x, frame.top, width, frame.floor - frame.top)
        yield Box(f"cap {kind}", x, frame.top - CAP, width, CAP)


def _traces(frame: Frame, channel: ChannelSummary, trace: SignalTrace) -> Iterator[Stroke]:
    """Between gaps; of the samples, the area between their extremes."""
    factor = channel.scale.factor

    def at_s(number: int) -> float:
        return trace.start_s + number * trace.step_s

    for run in runs(range(len(trace.high)), trace.high, trace.low):
        there = [(at_s(number), high * factor) for number, high, _ in run]
        back = [(at_s(number), low * factor) for number, _, low in reversed(run)]
        yield replace(frame.line([*there, *back], "raw"), is_closed=True)
    for run in runs(range(len(trace.envelope)), trace.envelope):
        points = [(at_s(number), value * factor) for number, value in run]
        yield frame.line(points, f"line {channel.tone}")


def _levels(frame: Frame, channel: ChannelSummary) -> Iterator[Stroke | Label]:
    """The one's words above its line, the other's below: they may be close together."""
    source = " (estimated)" if channel.mvc_source == "estimated" else ""
    mvc, threshold = channel.mvc_words + source, channel.scale.words(channel.threshold)
    for css, words, value, beside in (
        ("level", f"MVC {mvc}", channel.mvc, -4),
        ("level dashed", f"threshold {threshold}", channel.threshold, 13),
    ):
        if value:
            line = frame.across(value * channel.scale.factor, css)
            yield line
            yield Label("said", words, frame.end - 4, line.places[0][1] + beside, "end")
