"""A report to print: A4 across, drawn with reportlab, the plots as vectors."""

import io
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import (
    Drawing,
    Group,
    Polygon,
    PolyLine,
    Rect,
    Shape,
    String,
)
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    LongTable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
)

from emg.models import Recording
from emg.pages.picture import PAINTS, Picture, from_file
from emg.pages.sides import channels_of
from emg.recordings import scoring
from emg.report.content import NOTICE, ReportTable, Value
from omibackend.core.errors import Refused
from omibackend.core.show.charts import Box, Label, Stroke

MARGIN = 12 * mm
FONT_SIZE = 7.5
# In the units of a picture.
PLOT_HEIGHT, LABEL_SIZE = 190, 11
# No heading stands alone at the end of a page.
ROOM, PLOT_ROOM = 25 * mm, 70 * mm
STYLES = getSampleStyleSheet()
GRID = colors.HexColor("#d0d7de")
LOOK = [
    ("FONTSIZE", (0, 0), (-1, -1), FONT_SIZE),
    ("LEADING", (0, 0), (-1, -1), FONT_SIZE + 1.5),
    ("TOPPADDING", (0, 0), (-1, -1), 1),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
    ("LINEBELOW", (0, 0), (-1, -1), 0.25, GRID),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]
HEADED = ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")


def written(recording: Recording, tables: Sequence[ReportTable], *, with_signals: bool) -> bytes:
    file = io.BytesIO()
    title = f"EMG session {printable(recording.session_id)}"
    document = SimpleDocTemplate(
        file,
        pagesize=landscape(A4),
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        creator="omibackend",
    )
    story = [words(title, "Title"), words(NOTICE, "Italic"), Spacer(0, 3 * mm)]
    for table in tables:
        if with_signals and table.title == "Quality":
            story += signals(recording, document.width)
        story += [CondPageBreak(ROOM), words(table.title, "Heading2"), drawn(table)]
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return file.getvalue()


def signals(recording: Recording, width: float) -> Iterator[Flowable]:
    channels = channels_of(recording, scoring.profile_of(recording).constants())
    sides = [channel for channel in channels if channel.tone != "other"]
    yield CondPageBreak(PLOT_ROOM)
    yield words("Signals", "Heading2")
    for channel in sides:
        yield CondPageBreak(PLOT_ROOM - ROOM / 2)
        yield words(channel.name, "Heading4")
        try:
            yield on_paper(from_file(recording, channel, height=PLOT_HEIGHT), width)
        except Refused as refused:
            yield words(refused.detail)
    if not sides:
        yield words("There is no channel to show.")


def on_paper(picture: Picture, width: float) -> Drawing:
    """Paper counts from below."""
    scale = width / picture.frame.width
    shapes = [_shape(shape, picture.frame.height) for shape in picture.shapes]
    drawing = Drawing(width, picture.frame.height * scale, Group(*shapes))
    drawing.scale(scale, scale)
    return drawing


def _shape(shape: Stroke | Box | Label, height: float) -> Shape:
    paint = PAINTS[shape.css]
    fill = paint.fill and colors.HexColor(paint.fill)
    if isinstance(shape, Label):
        look = {"fillColor": fill, "fontSize": LABEL_SIZE, "textAnchor": shape.anchor}
        return String(shape.x, height - shape.y, printable(shape.words), **look)
    look = {
        "strokeColor": paint.stroke and colors.HexColor(paint.stroke),
        "strokeWidth": paint.width,
    }
    if isinstance(shape, Box):
        below = height - shape.y - shape.height
        look |= {"fillColor": fill, "fillOpacity": paint.opacity}
        return Rect(shape.x, below, shape.width, shape.height, **look)
    numbers = [number for x, y in shape.places for number in (x, height - y)]
    if shape.is_closed:
        return Polygon(numbers, fillColor=fill, **look)
    return PolyLine(numbers, strokeDashArray=paint.dash, **look)


def words(text: str, style: str = "BodyText") -> Paragraph:
    """Plain: a name that looks like markup stays what it is."""
    return Paragraph(escape(printable(text)), STYLES[style])


def drawn(table: ReportTable) -> Flowable:
    if not table.rows:
        return words(table.empty)
    headed = any(table.columns)
    rows: list[Any] = [[words_of(value) for value in row] for row in table.rows]
    if headed:
        rows.insert(0, [column.replace(", ", ",\n") for column in table.columns])
    look = [*LOOK, HEADED] if headed else LOOK
    return LongTable(rows, repeatRows=int(headed), style=look, hAlign="LEFT")


def words_of(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return "–" if value in (None, "") else printable(str(value))


def printable(text: str) -> str:
    """In the letters that every PDF reader has; others would be black boxes."""
    text = text.replace("\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}")
    return text.encode("cp1252", "replace").decode("cp1252")


def _foot(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica", FONT_SIZE)
    canvas.drawRightString(landscape(A4)[0] - MARGIN, MARGIN / 2, f"Page {document.page}")
    canvas.restoreState()
