"""Charts as SVG made on the server: no script, themed by the style sheet, readable as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NICE = (1, 2, 2.5, 5, 10)
CEILINGS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
SPARK_WIDTH, SPARK_HEIGHT = 200, 32
BAR_STEP, BAR_GAP, BAR_HEIGHT = 10, 1.2, 100


def el(name: str, *children: Any, **attributes: Any) -> SafeString:
    """An element of SVG; `class_` and `text_anchor` as Python has to spell them."""
    told = format_html_join(
        "",
        ' {}="{}"',
        (
            (key.rstrip("_").replace("_", "-"), _short(value))
            for key, value in attributes.items()
            if value is not None
        ),
    )
    return format_html("<{}{}>{}</{}>", name, told, joined(children), name)


def joined(children: Sequence[Any]) -> SafeString:
    return format_html_join("", "{}", ((child,) for child in children))


def _short(value: Any) -> Any:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def ticks(low: float, high: float, *, about: int = 5) -> list[float]:
    """Round numbers within the range, about so many."""
    if not high > low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(nice * power for nice in NICE if nice * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def ceiling(value: float) -> float:
    """The next round number above."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(nice * power for nice in CEILINGS if nice * power >= value * 0.999)


def runs(*columns: Sequence[float | None]) -> list[list[tuple[Any, ...]]]:
    """Their rows, by the gaps between them: a row is one where something is not known."""
    by_gap = groupby(zip(*columns, strict=True), lambda row: None not in row)
    return [list(run) for is_known, run in by_gap if is_known]


@dataclass(frozen=True)
class Stroke:
    """Through places of a drawing. `css` names how a shape looks: what paints it, knows."""

    css: str
    places: Sequence[tuple[float, float]]
    is_closed: bool = False

    def svg(self, **look: Any) -> SafeString:
        drawn = " L".join(f"{x:.1f} {y:.1f}" for x, y in self.places)
        return el("path", d=f"M{drawn}{'Z' * self.is_closed}", **(look or {"class_": self.css}))

    __html__ = svg


@dataclass(frozen=True)
class Box:
    css: str
    x: float
    y: float
    width: float
    height: float

    def svg(self, **look: Any) -> SafeString:
        place = {"x": self.x, "y": self.y, "width": self.width, "height": self.height}
        return el("rect", **place, **(look or {"class_": self.css}))

    __html__ = svg


@dataclass(frozen=True)
class Label:
    css: str
    words: str
    x: float
    y: float
    anchor: str = "start"

    def svg(self, **look: Any) -> SafeString:
        place = {"x": float(self.x), "y": float(self.y), "text_anchor": self.anchor}
        return el("text", self.words, **place, **(look or {"class_": self.css or None}))

    __html__ = svg


@dataclass(frozen=True)
class Frame:
    """Where numbers stand in a drawing of a certain size."""

    low_x: float
    high_x: float
    low_y: float
    high_y: float
    width: int = 560
    height: int = 240
    left: int = 40
    right: int = 14
    top: int = 16
    bottom: int = 34

    def x(self, value: float) -> float:
        share = (value - self.low_x) / ((self.high_x - self.low_x) or 1)
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        share = (value - self.low_y) / ((self.high_y - self.low_y) or 1)
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    @property
    def floor(self) -> int:
        return self.height - self.bottom

    @property
    def end(self) -> int:
        return self.width - self.right

    def grid(self, values: Sequence[float]) -> list[Stroke | Label]:
        """Lines across, each with its number."""
        return [
            shape
            for value in values
            for shape in (
                self.across(value, "grid"),
                self.label(f"{value:g}", self.left - 7, self.y(value) + 4, anchor="end"),
            )
        ]

    def feet(self, values: Sequence[float], *, name: str) -> list[Label]:
        """Numbers below, and what they are."""
        below, middle = self.floor + 16, (self.left + self.end) / 2
        numbers = [self.label(f"{one:g}", self.x(one), below, anchor="middle") for one in values]
        return [*numbers, self.label(name, middle, self.height - 3, anchor="middle")]

    def label(self, words: str, x: float, y: float, *, anchor: str = "start") -> Label:
        return Label("", words, x, y, anchor)

    def line(self, points: Sequence[tuple[float, float]], css: str) -> Stroke:
        return Stroke(css, [(self.x(x), self.y(y)) for x, y in points])

    def across(self, value: float, css: str) -> Stroke:
        return Stroke(css, [(self.left, self.y(value)), (self.end, self.y(value))])

    def drawing(self, *children: Any, name: str, told: str, css: str = "") -> SafeString:
        return el(
            "svg",
            el("title", name),
            el("desc", told),
            *children,
            class_=f"ob-chart {css}".strip(),
            viewBox=f"0 0 {self.width} {self.height}",
            # Links inside a picture would not be found.
            role="group" if "ob-linked" in css else "img",
        )


@dataclass(frozen=True)
class Bar:
    label: str
    total: int
    failed: int = 0

    @property
    def words(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.label}: {self.total}{failed}"


def sparkline(values: Sequence[float | None], *, name: str, tone: str = "accent") -> SafeString:
    """A line over evenly spaced values; None leaves a gap. Nothing to draw: an empty string."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return SafeString("")
    step, floor = SPARK_WIDTH / (len(values) - 1), SPARK_HEIGHT - 1
    frame = Frame(0, 1, 0, max(known) or 1, SPARK_WIDTH, SPARK_HEIGHT, 0, 0, top=2, bottom=1)
    places = [
        [(round(index * step, 1), round(frame.y(value), 1)) for index, value in run]
        for run in runs(range(len(values)), values)
    ]
    lines = ["L".join(f"{x:g},{y:g}" for x, y in run) for run in places]
    areas = [
        f"M{run[0][0]:g},{floor}L{line}V{floor}Z" for run, line in zip(places, lines, strict=True)
    ]
    return format_html(
        '<svg class="ob-spark ob-{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
        "<title>{}</title><desc>between {} and {}, last {}</desc>"
        '<path class="area" d="{}"/><path class="line" d="{}" vector-effect="non-scaling-stroke"/>'
        "</svg>",
        *(tone, SPARK_WIDTH, SPARK_HEIGHT, name),
        *(f"{min(known):g}", f"{max(known):g}", f"{known[-1]:g}"),
        *("".join(areas), "".join(f"M{line}" for line in lines)),
    )


def bars(values: Sequence[Bar], *, name: str) -> SafeString:
    """Bars on one common floor, the failed part of each on top of it in red."""
    top = max((bar.total for bar in values), default=0) or 1
    drawn = format_html_join(
        "",
        "<g><title>{}</title>{}</g>",
        ((bar.words, _bar(i, bar, top)) for i, bar in enumerate(values)),
    )
    total, failed = sum(bar.total for bar in values), sum(bar.failed for bar in values)
    return format_html(
        '<svg class="ob-bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
        "<title>{}</title><desc>{} in all, {} failed; at most {} in one bar</desc>{}</svg>",
        *(len(values) * BAR_STEP, BAR_HEIGHT, name, total, failed, top, drawn),
    )


def _bar(index: int, bar: Bar, top: int) -> SafeString:
    """What is not zero is seen: at least two hundredths of the height."""
    x, width = round(index * BAR_STEP + BAR_GAP / 2, 2), BAR_STEP - BAR_GAP
    high = max(bar.total / top * BAR_HEIGHT, 2) if bar.total else 0
    red = min(max(bar.failed / top * BAR_HEIGHT, 2), high) if bar.failed else 0
    rect = '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>'
    hit = format_html(rect, "hit", index * BAR_STEP, 0, BAR_STEP, BAR_HEIGHT)
    good = format_html(
        rect, "good", x, f"{BAR_HEIGHT - high + red:.1f}", width, f"{high - red:.1f}"
    )
    bad = (
        format_html(rect, "bad", x, f"{BAR_HEIGHT - high:.1f}", width, f"{red:.1f}") if red else ""
    )
    return format_html("{}{}{}", hit, good, bad)
