"""Charts with axes as SVG made on the server: no script, themed by the style sheet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NICE = (1, 2, 2.5, 5, 10)
CEILINGS = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


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

    def grid(self, values: Sequence[float]) -> SafeString:
        """Lines across, each with its number."""
        return joined(
            [
                el(
                    "g",
                    el("path", class_="grid", d=f"M{self.left} {self.y(value):.1f}H{self.end}"),
                    self.label(f"{value:g}", self.left - 7, self.y(value) + 4, anchor="end"),
                )
                for value in values
            ]
        )

    def feet(self, values: Sequence[float], *, name: str) -> SafeString:
        """Numbers below, and what they are."""
        numbers = [
            self.label(f"{value:g}", self.x(value), self.floor + 16, anchor="middle")
            for value in values
        ]
        middle = (self.left + self.end) / 2
        return joined([*numbers, self.label(name, middle, self.height - 3, anchor="middle")])

    def label(self, words: str, x: float, y: float, *, anchor: str = "start") -> SafeString:
        return el("text", words, x=float(x), y=float(y), text_anchor=anchor)

    def line(self, points: Sequence[tuple[float, float]], css: str) -> SafeString:
        drawn = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        return el("path", class_=css, d=f"M{drawn}") if points else SafeString("")

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
