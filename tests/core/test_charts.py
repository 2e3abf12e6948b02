import re
from xml.etree import ElementTree

from omibackend.core.show.charts import Bar, bars, sparkline


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 (our own)


def test_it_says_in_words_what_a_line_shows() -> None:
    root = parsed(sparkline([3, None, 12, 7], name="Deliveries <by hour>"))
    assert root.get("role") == "img"
    assert root.findtext("title") == "Deliveries <by hour>"
    assert root.findtext("desc") == "between 3 and 12, last 7"


def test_it_leaves_a_gap_where_nothing_is_known() -> None:
    line = sparkline([1, 2, None, 4, 5], name="x")
    area = re.search(r'class="line" d="([^"]+)"', line)
    assert area is not None
    assert area[1].count("M") == 2


def test_it_draws_nothing_of_nothing() -> None:
    assert sparkline([], name="x") == ""
    assert sparkline([None, 4, None], name="x") == ""


def test_it_draws_zeros_on_the_floor() -> None:
    assert "NaN" not in sparkline([0, 0, 0], name="x")


def test_it_puts_the_failed_part_on_top_of_its_bar() -> None:
    root = parsed(bars([Bar("14:00", 100, 50), Bar("14:30", 0)], name="x"))
    assert root.findtext("desc") == "100 in all, 50 failed; at most 100 in one bar"
    full, empty = root.findall("g")
    assert full.findtext("title") == "14:00: 100, 50 failed"
    rects = {rect.get("class"): rect for rect in full.findall("rect")}
    assert (rects["bad"].get("y"), rects["bad"].get("height")) == ("0.0", "50.0")
    assert rects["good"].get("height") == "50.0"
    assert [rect.get("class") for rect in empty.findall("rect")] == ["hit", "good"]


def test_it_makes_one_failure_among_thousands_seen() -> None:
    root = parsed(bars([Bar("a", 50_000, 1)], name="x"))
    red = root.find(".//rect[@class='bad']")
    assert red is not None
    assert float(red.get("height") or 0) == 2


def test_it_uses_no_inline_style() -> None:
    assert "style=" not in bars([Bar("a", 1)], name="x") + sparkline([1, 2], name="x")
