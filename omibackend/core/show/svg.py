"""Charts as SVG made on the server: no script, themed by the style sheet, readable as text."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SPARK_WIDTH, SPARK_HEIGHT = 200, 32
BAR_STEP, BAR_GAP, BAR_HEIGHT = 10, 1.2, 100


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
    top = max(known) or 1
    runs = _runs(values, top)
    floor = SPARK_HEIGHT - 1
    area = " ".join(
        f"M{run[0][0]:g},{floor} " + " ".join(f"L{x:g},{y:g}" for x, y in run) + f" V{floor} Z"
        for run in runs
    )
    line = " ".join("M" + " L".join(f"{x:g},{y:g}" for x, y in run) for run in runs)
    return format_html(
        '<svg class="ob-spark ob-{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
        "<title>{}</title><desc>between {} and {}, last {}</desc>"
        '<path class="area" d="{}"/><path class="line" d="{}" vector-effect="non-scaling-stroke"/>'
        "</svg>",
        *(tone, SPARK_WIDTH, SPARK_HEIGHT, name),
        *(f"{min(known):g}", f"{max(known):g}", f"{known[-1]:g}"),
        *(area, line),
    )


def _runs(values: Sequence[float | None], top: float) -> list[list[tuple[float, float]]]:
    step = SPARK_WIDTH / (len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            y = (SPARK_HEIGHT - 3) * (1 - value / top) + 2
            runs[-1].append((round(index * step, 1), round(y, 1)))
    return [run for run in runs if run]


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
