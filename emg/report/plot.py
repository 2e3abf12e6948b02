"""A channel on paper: extremes, envelope, contractions, MVC and target."""

from typing import Any

import orjson
from reportlab.graphics.shapes import Drawing, Line, Polygon, PolyLine, Rect, String
from reportlab.lib import colors
from reportlab.lib.units import mm

from emg.models import Recording
from emg.report.content import readable
from emg.waveform import reading
from omibackend.core.errors import Refused

HEIGHT = 38 * mm
LEFT, BOTTOM = 14 * mm, 5 * mm
POINTS = 600
TEXT = 6.5
SIGNAL, ENVELOPE = colors.HexColor("#9bb8d3"), colors.HexColor("#0e7490")
GOOD, OTHER = colors.HexColor("#d7f0e3"), colors.HexColor("#f7e9cf")
# Name, colour, and where the name stands beside the line.
LEVELS = {"mvc": ("MVC", "#b3261e", 1.0), "target": ("target", "#8a5300", -TEXT)}
TICKS = 6


def of(recording: Recording, channel: str, width: float) -> Drawing | str:
    """Or why there is none."""
    try:
        found = reading.find_file(recording)
        stored = reading.judged(recording, channel)
        asked = reading.StretchQuery(channel, points=POINTS)
        answer = orjson.loads(reading.read(recording, found, asked, stored))
    except Refused as refused:
        return refused.detail
    return drawn(answer, width)


def drawn(answer: Any, width: float) -> Drawing:
    scale = Scale(answer, width)
    drawing = Drawing(width, HEIGHT)
    for each in answer["contractions"]:
        left, right = scale.x(each["start_s"]), scale.x(each["end_s"])
        fill = GOOD if each["good"] else OTHER
        drawing.add(
            Rect(left, BOTTOM, right - left, HEIGHT - BOTTOM, fillColor=fill, strokeColor=None)
        )
    high, low = scale.points(answer["max"]), scale.points(answer["min"])
    outline = [number for point in [*high, *reversed(low)] for number in point]
    if outline:
        drawing.add(Polygon(outline, fillColor=SIGNAL, strokeColor=SIGNAL, strokeWidth=0.2))
    envelope = [number for point in scale.points(answer["envelope"]) for number in point]
    if envelope:
        drawing.add(PolyLine(envelope, strokeColor=ENVELOPE, strokeWidth=0.8))
    _levels(drawing, answer, scale)
    _axes(drawing, answer, scale)
    return drawing


class Scale:
    """Seconds and amplitudes in points of the page; what is missing is left out."""

    def __init__(self, answer: Any, width: float) -> None:
        known = [value for name in ("min", "max") for value in answer[name] if value is not None]
        self.low, self.high = min(known, default=0.0), max(known, default=1.0)
        self.high = self.high if self.high > self.low else self.low + 1
        self.start_s, self.end_s = answer["start_s"], answer["end_s"]
        self.step_s = answer["bucket_s"]
        self.width = width - LEFT

    def x(self, at_s: float) -> float:
        share: float = (at_s - self.start_s) / (self.end_s - self.start_s)
        return float(LEFT + self.width * min(max(share, 0.0), 1.0))

    def y(self, value: float) -> float:
        return float(BOTTOM + (HEIGHT - BOTTOM) * (value - self.low) / (self.high - self.low))

    def points(self, values: list[float | None]) -> list[tuple[float, float]]:
        return [
            (self.x(self.start_s + (number + 0.5) * self.step_s), self.y(value))
            for number, value in enumerate(values)
            if value is not None
        ]


def _levels(drawing: Drawing, answer: Any, scale: Scale) -> None:
    for name, (label, colour, beside) in LEVELS.items():
        value = answer[name]
        if value is not None and scale.low <= value <= scale.high:
            shade = colors.HexColor(colour)
            at = scale.y(value)
            drawing.add(
                Line(LEFT, at, LEFT + scale.width, at, strokeColor=shade, strokeDashArray=[2, 2])
            )
            estimated = name == "mvc" and answer["mvc_source"] == "estimated"
            said = f"{label} (estimated)" if estimated else label
            drawing.add(String(LEFT + 2, at + beside, said, fontSize=TEXT, fillColor=shade))


def _axes(drawing: Drawing, answer: Any, scale: Scale) -> None:
    unit, factor = readable(answer["unit"])
    for value in (scale.low, scale.high):
        text = f"{value * factor:.3g} {unit}"
        top = min(scale.y(value), HEIGHT - TEXT)
        drawing.add(String(LEFT - 2, top, text, fontSize=TEXT, textAnchor="end"))
    for number in range(TICKS + 1):
        at_s = scale.start_s + (scale.end_s - scale.start_s) * number / TICKS
        anchor = "end" if number == TICKS else "middle"
        drawing.add(String(scale.x(at_s), 0, f"{at_s:.4g} s", fontSize=TEXT, textAnchor=anchor))
