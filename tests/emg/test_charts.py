"""What the charts and the words of a recording's page make of numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from emg.analytics import Contraction
from emg.pages import charts
from emg.pages.charts import Course, Curve, Point
from emg.pages.words import figure, flags_chip, scale_of, verdict_of
from omibackend.core.show.charts import Frame, ceiling, el, ticks

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def contraction(*, strong: bool | None = True, held: bool = True) -> Contraction:
    return Contraction(1.0, 3.0, 2.0, 1e-4, 2e-4, 90.0, 80.0, 80.0, strong, held, False)


def point(day: int, value: float, link: str = "/x") -> Point:
    return Point(START + timedelta(days=day), value, link, f"{value:g}", is_here=not link)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (0, 0.5, [0, 0.1, 0.2, 0.3, 0.4, 0.5]), (3, 3, [3])],
)
def test_it_marks_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 1), (1.2, 1.5), (86, 100), (1484.6, 1500), (3e-5, 3e-5)]
)
def test_it_ends_an_axis_on_a_round_number(value: float, expected: float) -> None:
    assert ceiling(value) == pytest.approx(expected)


def test_it_places_numbers_in_a_frame() -> None:
    frame = Frame(0, 10, 0, 100, width=120, height=120, left=10, right=10, top=10, bottom=10)
    assert (frame.x(5), frame.y(100), frame.y(0)) == (60, 10, 110)


def test_it_escapes_what_is_drawn() -> None:
    assert el("text", "<b>", x=1.26, class_='"') == '<text x="1.3" class="&quot;">&lt;b&gt;</text>'


@pytest.mark.parametrize(
    ("strong", "held", "mark"),
    [
        (True, True, "✓"),
        (None, True, "✓"),
        (True, False, "S"),
        (None, False, "S"),
        (False, True, "W"),
        (False, False, "B"),
    ],
)
def test_it_says_what_a_contraction_lacked(strong: bool | None, held: bool, mark: str) -> None:
    assert verdict_of(contraction(strong=strong, held=held)).mark == mark


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("V", 4.64e-4, "464 µV"),
        ("V", 0.358, "358 mV"),
        ("mV", 0.0256, "25.6 µV"),
        ("uV", 7.0, "7.00 µV"),
        ("counts", 12345.0, "12\u202f345 counts"),
    ],
)
def test_it_tells_amplitudes_in_their_unit(unit: str, value: float, words: str) -> None:
    assert scale_of(unit, value).words(value) == words


def test_it_tells_no_more_digits_than_are_known() -> None:
    assert [figure(value) for value in (0.1234, 12.34, 1234.5)] == ["0.12", "12.3", "1\u202f234"]


def test_it_names_the_worst_flag_first_and_none_that_is_usual() -> None:
    assert flags_chip(["mvc_estimated"]) == []
    (mark,) = flags_chip(["clipping", "mvc_estimated", "flat", "weak"])
    assert mark[0] == "bad"
    assert mark[2].startswith("flat, ")
    assert mark[2].endswith(" +1")


def test_it_draws_a_spectrum_with_its_marks() -> None:
    trend = {"start": 20.0, "step": 10.0, "values": [1.0, 4.0, 2.0, 0.0]}
    drawn = charts.spectrum([Curve("left", "Left", trend, 35.2, 31.9)])
    assert "Left MDF 32 Hz" in drawn
    assert "Left MPF 35 Hz" in drawn
    assert charts.spectrum([Curve("left", "Left", None, None, None)]) == ""


def test_it_draws_a_slope_only_where_there_is_one() -> None:
    slope = {"intercept": 90.0, "per_minute": -10.0}
    with_line = charts.fatigue([Course("left", "Left", [(1, 90), (9, 80)], slope)], length_s=10)
    without = charts.fatigue([Course("right", "Right", [(1, 90)], None)], length_s=10)
    assert with_line.count("<circle") == 2
    assert "dashed" in with_line
    assert without.count("<rect") == 1
    assert "dashed" not in without


def test_it_draws_a_trend_with_its_target_and_links() -> None:
    drawn = charts.trend([point(0, 40), point(3, 60), point(9, 80, "")], name="x", target=70)
    assert "target 70" in drawn
    assert drawn.count('<a href="/x"') == 2
    assert drawn.count("here") == 1
    assert [day in drawn for day in ("1 Mar", "4 Mar", "10 Mar")] == [True, True, True]
    assert charts.trend([], name="x") == ""


def test_it_draws_a_single_session() -> None:
    assert "<circle" in charts.trend([point(0, 40)], name="x")
