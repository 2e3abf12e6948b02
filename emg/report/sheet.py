"""A report as CSV: its tables one below the other."""

import csv
import io
from collections.abc import Iterable

from emg.report.content import NOTICE, ReportTable
from omibackend.core.text import csv_cell

# By which spreadsheets know UTF-8.
MARK = "\ufeff"


def written(tables: Iterable[ReportTable]) -> bytes:
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    for table in tables:
        lines.writerow([table.title])
        if any(table.columns):
            lines.writerow(table.columns)
        for row in table.rows or [(table.empty,)]:
            lines.writerow([csv_cell(value) for value in row])
        lines.writerow([])
    lines.writerow([NOTICE])
    return (MARK + text.getvalue()).encode()
