"""The charts of a recording that need no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from emg.pages.words import hertz
from omibackend.core.show.charts import Frame, Label, Stroke, ceiling, el, ticks

MARK_GAP = 15
DAY_S = 86_400
PERCENT = 100.0


@dataclass(frozen=True)
class Curve:
    """Of one side: `trend` as stored, {"start", "step", "values"}."""

    tone: str
    name: str
    trend: dict[str, Any] | None
    mpf: float | None
    mdf: float | None


@dataclass(frozen=True)
class Course:
    """MDF of each contraction, (s, Hz), and the line through it: Hz per minute and at 0 s."""

    tone: str
    name: str
    points: Sequence[tuple[float, float]]
    slope: dict[str, Any] | None


@dataclass(frozen=True)
class Point:
    at: datetime
    value: float
    link: str
    words: str
    is_here: bool


def spectrum(curves: Sequence[Curve]) -> SafeString:
    """Power over frequency, each side scaled to its own peak; MDF solid, MPF dashed."""
    drawn = [curve for curve in curves if curve.trend and any(curve.trend["values"])]
    if not drawn:
        return SafeString("")
    high_hz = max(_high_hz(curve) for curve in drawn)
    frame = Frame(0, ceiling(high_hz / 5) * 5, 0, 1.0, height=250, top=20)
    marks = [
        (curve.tone, f"{curve.name} {what} {hertz(value)}", value, css)
        for curve in drawn
        for what, value, css in (("MDF", curve.mdf, ""), ("MPF", curve.mpf, "dashed"))
        if value is not None
    ]
    return frame.drawing(
        *frame.grid([0, 0.5, 1]),
        *frame.feet(ticks(0, frame.high_x), name="Frequency (Hz)"),
        *(frame.line(_scaled(curve, frame.high_x), f"line {curve.tone}") for curve in drawn),
        *(_mark(frame, number, *mark) for number, mark in enumerate(marks)),
        name="Power spectrum in contraction",
        told=", ".join(words for _, words, _, _ in marks),
    )


def _high_hz(curve: Curve) -> float:
    """Up to where a hundredth of the peak is left: beyond it there is nothing to see."""
    values = (curve.trend or {})["values"]
    last = max(at for at, value in enumerate(values) if value >= 0.01 * max(values))
    return float(_at(curve.trend or {}, last))


def _at(trend: dict[str, Any], number: int) -> float:
    return float(trend["start"] + number * trend["step"])


def _scaled(curve: Curve, high_hz: float) -> list[tuple[float, float]]:
    trend = curve.trend or {}
    peak = max(trend["values"])
    scaled = [(_at(trend, number), value / peak) for number, value in enumerate(trend["values"])]
    return [(hz, share) for hz, share in scaled if hz <= high_hz]


def _mark(frame: Frame, number: int, tone: str, words: str, value: float, css: str) -> SafeString:
    x, y = frame.x(value), frame.top + 4 + number * MARK_GAP
    aside = frame.left + 0.58 * (frame.end - frame.left)
    return el(
        "g",
        Stroke(f"mark {tone} {css}", [(x, frame.floor), (x, y)]),
        Stroke(f"lead {tone}", [(x, y), (aside, y)]),
        Label(f"said {tone}", words, aside + 5, y + 4),
    )


def fatigue(courses: Sequence[Course], *, length_s: float) -> SafeString:
    drawn = [course for course in courses if course.points]
    if not drawn:
        return SafeString("")
    highest = max(hz for course in drawn for _, hz in course.points)
    frame = Frame(0, max(length_s, 1.0), 0, ceiling(highest), height=250, top=26)
    return frame.drawing(
        *frame.grid(ticks(0, frame.high_y, about=4)),
        *frame.feet(ticks(0, frame.high_x), name="Time in session (s)"),
        frame.label("MDF of each contraction (Hz)", frame.left, 12),
        *(_course(frame, course) for course in drawn),
        name="Median frequency of each contraction",
        told="; ".join(f"{course.name}: {len(course.points)} contractions" for course in drawn),
    )


def _course(frame: Frame, course: Course) -> SafeString:
    shapes = [
        _shape(course, frame.x(at_s), frame.y(hz), f"{course.name}, {at_s:.1f} s: {hertz(hz)}")
        for at_s, hz in course.points
    ]
    if not course.slope:
        return el("g", *shapes)
    ends = [
        (at_s, course.slope["intercept"] + course.slope["per_minute"] * at_s / 60)
        for at_s in (0.0, frame.high_x)
    ]
    inside = [(at_s, min(max(hz, 0.0), frame.high_y)) for at_s, hz in ends]
    return el("g", *shapes, frame.line(inside, f"line dashed {course.tone}"))


def _shape(course: Course, x: float, y: float, words: str) -> SafeString:
    """Two shapes, so that colour is not the only difference."""
    told = el("title", words)
    if course.tone == "right":
        box = {"x": x - 3.5, "y": y - 3.5, "width": 7, "height": 7}
        return el("rect", told, class_="dot right", **box)
    return el("circle", told, class_=f"dot {course.tone}", cx=x, cy=y, r=4)


def trend(
    points: Sequence[Point],
    *,
    name: str,
    target: float | None = None,
    high: float = PERCENT,
    tone: str = "",
) -> SafeString:
    """A value of each session over time; each dot leads to its session."""
    if not points:
        return SafeString("")
    first, last = points[0].at.timestamp(), points[-1].at.timestamp()
    alone = last - first < 1
    frame = Frame(first - DAY_S if alone else first, last + DAY_S if alone else last, 0, high)
    dots = [_dot(frame, point, tone) for point in points]
    wanted: list[Stroke | Label] = []
    if target is not None:
        y = frame.y(min(target, high))
        wanted = [
            frame.across(min(target, high), "target"),
            Label("said", f"target {target:g}", frame.left + 4, y - 5),
        ]
    return frame.drawing(
        *frame.grid(ticks(0, high, about=2 if high == PERCENT else 4)),
        *wanted,
        frame.line([(point.at.timestamp(), point.value) for point in points], f"line {tone}"),
        *dots,
        *_days(frame, points),
        name=name,
        told=f"{len(points)} sessions, last {points[-1].value:.0f}",
        css="ob-linked",
    )


def _dot(frame: Frame, point: Point, tone: str) -> SafeString:
    circle = el(
        "circle",
        el("title", point.words),
        class_=f"dot {tone} {'here' if point.is_here else ''}".strip(),
        cx=frame.x(point.at.timestamp()),
        cy=frame.y(min(point.value, frame.high_y)),
        r=6 if point.is_here else 4,
    )
    return el("a", circle, href=point.link, aria_label=point.words) if point.link else circle


def _days(frame: Frame, points: Sequence[Point]) -> list[Label]:
    """The first and the last, and what has room between them."""
    told: list[Label] = []
    taken = frame.end + 999.0
    for point in (points[-1], points[0], *reversed(points[1:-1])):
        x = frame.x(point.at.timestamp())
        if told and (taken - x < 74 or (point is not points[0] and x - frame.left < 74)):
            continue
        local = timezone.localtime(point.at)
        anchor = "end" if x > frame.end - 24 else "start" if x < frame.left + 24 else "middle"
        told.append(frame.label(f"{local.day} {local:%b}", x, frame.floor + 17, anchor=anchor))
        if point is not points[0]:
            taken = x
    return told
