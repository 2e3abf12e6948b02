"""Everything about a person in one zip: each kind of rows as JSON and as CSV, and the files."""

import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import orjson
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from omibackend.accounts.models import Export
from omibackend.core import manifest
from omibackend.core.personal_data import AT_ONCE, Table
from omibackend.core.text import csv_cell
from omibackend.core.work import leased
from omibackend.core.work.leased import State

KEPT = timedelta(days=1)
# No bucket has such a name, so that no sender's event can point into it.
FOLDER = "_exports"
# Beyond 3 deflate gains little and costs much.
COMPRESSION = 3
IN_MEMORY_BYTES = 1 << 20
READ_ME = """Everything that omibackend keeps of you.

A folder for each part. Each .json file is a list of rows and the .csv beside it the same rows as
a table; text that a spreadsheet would run as a formula begins with an apostrophe there. Times are
UTC. deliveries/ holds what your devices sent, byte for byte, as far as it is still kept, and
photos/ the pictures.
"""

Step = Callable[[int], None]


def folder_of(user_id: int) -> str:
    return f"{FOLDER}/{user_id}"


def wanted(user_id: int, *, fresh: bool = False) -> Export:
    """The person's export: begun now if there is none, or none that still lives."""
    export, _ = Export.objects.get_or_create(owner_id=user_id)
    mine = Export.objects.filter(pk=export.pk)
    over = Q(state=State.DONE) & (Q(file="") | Q(expires_at__lte=Now()))
    if fresh:
        over = Q(state__in=(State.DONE, State.DEAD))
    if leased.replay(mine.filter(over)):
        mine.update(progress_percent=0, file="", expires_at=None, requested_at=Now())
    export.refresh_from_db()
    return export


def build(user_id: int, into: IO[bytes], on_step: Step) -> None:
    """Writes the zip; calls `on_step` with the percentage as it grows."""
    parts = [(data.app, table) for data in manifest.personal_data() for table in data.tables]
    listed = [(app, table, table.ids(user_id)) for app, table in parts if table.columns]
    total = sum(len(ids) for *_, ids in listed) or 1
    done = 0
    with ZipFile(into, "w", ZIP_DEFLATED, compresslevel=COMPRESSION) as zipped:
        zipped.writestr("README.txt", READ_ME)
        for app, table, ids in listed:
            for count in _write_rows(zipped, f"{app}/{table.name}", table, ids):
                done += count
                on_step(min(90, 90 * done // total))
        for data in manifest.personal_data():
            for file in data.files(user_id):
                with file.open() as source, zipped.open(file.name, "w") as target:
                    shutil.copyfileobj(source, target)


def _write_rows(zipped: ZipFile, name: str, table: Table, ids: list[Any]) -> Iterator[int]:
    """Both files in one pass; a zip takes one file at a time, so the table waits beside it."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as beside:
        text = io.TextIOWrapper(beside, encoding="utf-8", newline="", write_through=True)
        sheet = csv.writer(text)
        sheet.writerow(table.columns)
        with zipped.open(f"{name}.json", "w", force_zip64=True) as target:
            target.write(b"[")
            for start in range(0, len(ids), AT_ONCE):
                rows = list(table.of(ids[start : start + AT_ONCE]).values(*table.columns))
                for number, row in enumerate(rows):
                    target.write(b",\n" if start or number else b"\n")
                    target.write(orjson.dumps(row, default=str))
                    sheet.writerow([csv_cell(row[column]) for column in table.columns])
                yield len(rows)
            target.write(b"\n]\n")
        text.flush()
        beside.seek(0)
        with zipped.open(f"{name}.csv", "w", force_zip64=True) as target:
            shutil.copyfileobj(beside, target)
        text.detach()


def expired() -> QuerySet[Export]:
    """Exports whose day is over, or that failed."""
    old = Q(expires_at__lte=Now()) | Q(state=State.DEAD, finished_at__lte=Now() - KEPT)
    return Export.objects.filter(old).exclude(state__in=leased.LIVE)
