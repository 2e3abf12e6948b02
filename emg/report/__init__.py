"""A session to print, or to calculate with."""

from emg.models import Recording
from emg.report import content, sheet

FORMATS = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


def written(recording: Recording, kind: str, *, with_signals: bool) -> bytes:
    tables = content.tables(recording)
    if kind == "csv":
        return sheet.written(tables)
    # Only who asks for a PDF pays for what makes it: a tenth of a second and 20 MB.
    from emg.report import pdf

    return pdf.written(recording, tables, with_signals=with_signals)
