"""The background work of people: exports and erasures."""

import tempfile
import time
from datetime import timedelta

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models.functions import Now

from omibackend.accounts.models import Erasure, Export
from omibackend.accounts.privacy import erasure, export
from omibackend.core import files
from omibackend.core.work import registry
from omibackend.core.work.effects import Effect
from omibackend.core.work.lanes import JOB_TIMEOUT_S
from omibackend.core.work.leased import Reschedule
from omibackend.core.work.registry import WorkType

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
    if percent != row.progress_percent:
        row.progress_percent = percent
        row.update_held(progress_percent=percent)


def apply_export(row: Export, name: str) -> list[Effect]:
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
        row.update_held(counts=counts)
        return
    row.update_held(counts=counts, passes=1 if finished else 0)
    raise Reschedule(Now() + (SECOND_PASS_AFTER if finished else timedelta()))


def register() -> None:
    registry.register(
        WorkType(Export, LANE, LEASE_S, apply=apply_export, prepare=prepare_export),
        WorkType(Erasure, LANE, LEASE_S, apply=lambda *_: [], prepare=prepare_erasure),
    )
