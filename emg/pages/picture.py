"""A channel of the whole session as one picture: for browsers that run no script."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils.safestring import SafeString

from emg.analytics import Contraction
from emg.models import Recording
from emg.pages.sides import ChannelSummary, channels_of
from emg.pages.words import verdict_of
from emg.recordings import scoring
from emg.waveform import reading
from emg.waveform.reading import StretchQuery
from omibackend.core.errors import Refused
from omibackend.core.show.charts import Frame, ceiling, el, joined, ticks

POINTS = 1000
# A picture of its own knows nothing of the page's style sheet, and without scripts it is light.
INK, SOFT, GRID, RAW = "#0f172a", "#64748b", "#e2e8f0", "#94a3b8"
SIDES = {"left": "#0e7490", "right": "#b45309", "other": "#1d5bb3"}
KINDS = {"good": "#1d7044", "short": "#c28604", "weak": "#5c93e9", "both": "#6c2686"}
Place = tuple[float, float]


def picture(recording: Recording, name: str) -> HttpResponse:
    """Raises Refused where there is no such channel or no such file."""
    channels = channels_of(recording, scoring.profile_of(recording).constants())
    channel = next((one for one in channels if one.name == name), None)
    if channel is None:
        raise Refused(404, "no_such_channel", "The recording has no channel of that name.")
    asked, stored = StretchQuery(name, points=POINTS), reading.judged(recording, name)
    found = reading.find_file(recording)
    read = orjson.loads(reading.read(recording, found, asked, stored))
    response = HttpResponse(_drawn(channel, read), content_type="image/svg+xml")
    response["Cache-Control"] = "private, no-cache"
    return response


def _drawn(channel: ChannelSummary, read: dict[str, Any]) -> SafeString:
    factor = channel.scale.factor
    low, high, envelope = (_scaled(read[name], factor) for name in ("min", "max", "envelope"))
    known = [abs(value) for value in (*low, *high) if value is not None]
    top = ceiling(max(known, default=1.0))
    frame = Frame(0, read["duration_s"], -top, top, width=1120, height=300, left=56, top=20)
    at_s = [read["t"]["start"] + number * read["t"]["step"] for number in range(len(low))]
    levels = ((f"MVC {channel.mvc_words}", channel.mvc, None), ("threshold", channel.threshold, 5))
    return el(
        "svg",
        *(_band(frame, one) for one in channel.contractions),
        _axes(frame, channel.scale.unit),
        _line(frame, at_s, high, RAW, back=low),
        _line(frame, at_s, envelope, SIDES[channel.tone]),
        *(_level(frame, words, value * factor, dash) for words, value, dash in levels if value),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {frame.width} {frame.height}",
        font_family="sans-serif",
        font_size=12,
        fill=SOFT,
    )


def _scaled(values: Sequence[float | None], factor: float) -> list[float | None]:
    return [None if value is None else value * factor for value in values]


def _runs(frame: Frame, at_s: Sequence[float], values: Sequence[float | None]) -> list[list[Place]]:
    """What lies between gaps."""
    runs: list[list[Place]] = [[]]
    for at, value in zip(at_s, values, strict=False):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.x(at), frame.y(value)))
    return [run for run in runs if run]


def _line(
    frame: Frame,
    at_s: Sequence[float],
    values: Sequence[float | None],
    colour: str,
    *,
    back: Sequence[float | None] = (),
) -> SafeString:
    """With a way back it is the area between the two."""
    ways = _runs(frame, at_s, values)
    for way, other in zip(ways, _runs(frame, at_s, back), strict=False):
        way.extend(reversed(other))
    drawn = " ".join("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in way) for way in ways)
    filled = colour if back else "none"
    return el("path", d=drawn, fill=filled, stroke=colour, stroke_width="0.6" if back else "1.6")


def _band(frame: Frame, one: Contraction) -> SafeString:
    x, tall = frame.x(one.start_s), frame.floor - frame.top
    width = max(frame.x(one.end_s) - x, 1.0)
    colour = KINDS[verdict_of(one).kind]
    box = {"x": x, "width": width, "fill": colour}
    return joined(
        [
            el("rect", y=frame.top, height=tall, opacity="0.15", **box),
            el("rect", y=frame.top - 5, height=5, **box),
        ]
    )


def _axes(frame: Frame, unit: str) -> SafeString:
    lines = [
        el("path", d=f"M{frame.left} {frame.y(value):.1f}H{frame.end}", stroke=GRID)
        for value in ticks(frame.low_y, frame.high_y, about=4)
    ]
    return joined(
        [
            *lines,
            frame.grid(ticks(frame.low_y, frame.high_y, about=4)),
            frame.feet(ticks(0, frame.high_x, about=8), name="s"),
            frame.label(unit, 4, 12),
        ]
    )


def _level(frame: Frame, words: str, value: float, dash: int | None) -> SafeString:
    y = frame.y(min(value, frame.high_y))
    dashes = None if dash is None else f"{dash} 4"
    d = f"M{frame.left} {y:.1f}H{frame.end}"
    line = el("path", d=d, stroke=INK, fill="none", stroke_dasharray=dashes)
    below = y + 13 if dash else y - 4
    return joined([line, el("text", words, x=frame.end - 4, y=below, text_anchor="end", fill=INK)])
