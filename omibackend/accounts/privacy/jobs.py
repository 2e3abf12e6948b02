"""The background work of people: exports and erasures."""

import tempfile
import time
from datetime import timedelta
from typing import Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import F
from django.db.models.functions import Now

from omibackend.accounts.models import Erasure, Export
from omibackend.accounts.privacy import erasure, export
from omibackend.core import files
from omibackend.core.work.lanes import JOB_TIMEOUT_S
from omibackend.core.work.leased import Became, LostLease, State, WorkType, WorkTypes

# Not maintenance: an export may take minutes, and there runs the sweeper.
LANE = "accounts"
LEASE_S = JOB_TIMEOUT_S + 20
ERASURE_BUDGET_S = 100.0
# By then every job that had begun before the account was gone has ended.
SECOND_PASS_AFTER = timedelta(seconds=LEASE_S)


def prepare_export(row: Export) -> str:
    """Builds the file; its name carries the lease, so that a late worker's is another one."""
    files.remove_folder(export.folder_of(row.owner_id))
    with tempfile.TemporaryFile() as zipped:
        export.build(row.owner_id, zipped, lambda percent: _progress(row, percent))
        zipped.seek(0)
        name = f"{export.folder_of(row.owner_id)}/{row.pk}-{str(row.lease_token)[:8]}.zip"
        return str(default_storage.save(name, File(zipped)))


def _progress(row: Export, percent: int) -> None:
    if percent == row.progress_percent:
        return
    row.progress_percent = percent
    _held(row, progress_percent=percent)


def _held(row: Any, **changes: Any) -> None:
    """Writes to a row that this worker still holds."""
    mine = type(row)._default_manager.filter(
        pk=row.pk, lease_token=row.lease_token, state=State.LEASED
    )
    if not mine.update(**changes):
        raise LostLease("Another worker holds the row, or it is gone.")


def apply_export(row: Export, name: str) -> Became:
    Export.objects.filter(pk=row.pk).update(
        file=name, progress_percent=100, expires_at=Now() + export.KEPT
    )
    return []


def prepare_erasure(row: Erasure) -> None:
    """One pass, as far as its time allows; the first is followed by a second."""
    erasure.remember(row.user_id)
    counts = dict(row.counts)
    finished = erasure.erase(row.user_id, counts, until=time.monotonic() + ERASURE_BUDGET_S)
    if finished and row.passes:
        _held(row, counts=counts)
        return
    _held(
        row,
        counts=counts,
        passes=1 if finished else 0,
        state=State.PENDING,
        attempts=F("attempts") - 1,
        next_attempt_at=Now() + (SECOND_PASS_AFTER if finished else timedelta()),
        lease_token=None,
    )
    raise LostLease("The erasure goes on later.")


def apply_erasure(row: Erasure, _: None) -> Became:
    return []


def register() -> None:
    WorkTypes.register(
        WorkType(
            model=Export,
            lane=LANE,
            lease_s=LEASE_S,
            apply=apply_export,
            prepare=prepare_export,
        )
    )
    WorkTypes.register(
        WorkType(
            model=Erasure,
            lane=LANE,
            lease_s=LEASE_S,
            apply=apply_erasure,
            prepare=prepare_erasure,
        )
    )
