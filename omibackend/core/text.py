"""Text on its way into PostgreSQL, and out into a spreadsheet."""

from typing import Any

import orjson

# What a spreadsheet takes for the beginning of a formula, in either width.
FORMULA = (*"=+-@＝＋－＠", "\t", "\r")


def storable(text: str) -> str:
    """What PostgreSQL takes: no NUL, no lone surrogate."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def csv_cell(value: Any) -> str:
    """A value for a spreadsheet, which would run a text that looks like a formula."""
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode().strip('"')
    return f"'{text}" if text.startswith(FORMULA) else text
