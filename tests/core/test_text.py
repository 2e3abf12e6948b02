"""Text on its way into PostgreSQL, and out into a spreadsheet."""

from typing import Any

import pytest

from omibackend.core.text import csv_cell, storable


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1+1", "'＝1+1"),
        ("＋49", "'＋49"),
        ("－x", "'－x"),
        ("＠SUM(A1)", "'＠SUM(A1)"),
        ("plain", "plain"),
        (-5, "-5"),
        (None, ""),
        (["=1"], '["=1"]'),
        (True, "True"),
    ],
)
def test_it_writes_no_formula(value: Any, shown: str) -> None:
    assert csv_cell(value) == shown


@pytest.mark.parametrize(
    ("text", "stored"), [("a\x00b", "a\ufffdb"), ("\ud800!", "?!"), ("💒 é", "💒 é")]
)
def test_it_stores_what_postgresql_takes(text: str, stored: str) -> None:
    assert storable(text) == stored
