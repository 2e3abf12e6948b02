"""The background work of recordings: one is analysed, and its score made, at a time."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from emg.analytics import parameters
from emg.models import Recording
from emg.recordings import paths, scoring
from emg.recordings.registry import ANALYSED
from omibackend.core.work import registry
from omibackend.core.work.effects import Change, Effect
from omibackend.core.work.leased import State
from omibackend.core.work.registry import WorkType

if TYPE_CHECKING:
    from emg.recordings.analysis import Analysed, Opened

# A lane of its own: a file of 100 MB holds up no delivery.
LANE = "emg"
LEASE_S = 180
OPENED = ("etag", "size_bytes", "sha256", "metadata", "notes", "recorded_at")


def prepare(recording: Recording) -> "Analysed | None":
    # scipy takes 70 MB and a second to load: here only, in the process of one job.
    from emg.recordings import analysis

    def on_opened(opened: "Opened") -> None:
        """What is known of a file stays known, even if its analysis fails."""
        if _is_about(recording, opened):
            fields = _opened_fields(recording, opened)
            recording.extend_lease(LEASE_S, **fields, progress_percent=0)

    def on_progress(percent: int) -> None:
        recording.extend_lease(LEASE_S, progress_percent=percent)

    return analysis.analyse(recording, on_opened, on_progress)


def _is_about(recording: Recording, opened: "Opened") -> bool:
    """Or about a file that has taken the name since."""
    return recording.analytics is None or recording.sha256 == opened.sha256


def _opened_fields(recording: Recording, opened: "Opened") -> dict[str, Any]:
    return {
        "etag": opened.found.etag,
        "size_bytes": opened.found.size_bytes,
        "sha256": opened.sha256,
        "metadata": opened.metadata,
        "notes": opened.notes,
        "recorded_at": _recorded_at(recording, opened.notes),
    }


def _recorded_at(recording: Recording, notes: dict[str, Any]) -> datetime:
    """The file's own name, else GHOSTLY's INFO:TIME, else what was known before."""
    parts = [part for part in notes.get("INFO:TIME", []) if isinstance(part, int)]
    noted = paths.moment(parts) if len(parts) >= 5 else None
    return paths.recorded_at(recording.object_path) or noted or recording.recorded_at


def apply(claimed: Recording, analysed: "Analysed | None") -> list[Effect]:
    if analysed is None:
        return [Effect.on("recording", claimed.pk, Change.UNCHANGED)]
    if _is_about(claimed, analysed.opened):
        # Read again: therapists may have added to it meanwhile.
        recording = Recording.objects.get(pk=claimed.pk)
        change = Change.ANALYSED
    else:
        recording = _replacement(claimed, analysed)
        change = Change.CREATED
    for name, value in _opened_fields(recording, analysed.opened).items():
        setattr(recording, name, value)
    recording.analytics = analysed.analytics
    recording.processing_version = parameters.VERSION
    recording.analysed_at = Now()
    recording.scores = scoring.scores_of(recording)
    recording.save(update_fields=[*OPENED, *ANALYSED])
    return [Effect.on("recording", recording.pk, change)]


def _replacement(old: Recording, analysed: "Analysed") -> Recording:
    """The file that has taken the old one's name, as a recording of its own: what was analysed
    stays what it was. Its sender named no version, so its store's mark does."""
    made, _ = Recording.objects.get_or_create(
        owner_id=old.owner_id,
        bucket=old.bucket,
        object_path=old.object_path,
        object_version=analysed.opened.found.etag,
        defaults={
            "delivery_id": old.delivery_id,
            "session_id": old.session_id,
            "session_code": old.session_code,
            "patient_code": old.patient_code,
            "recorded_at": analysed.opened.found.modified_at,
            "state": State.DONE,
            "finished_at": Now(),
        },
    )
    return made


def register() -> None:
    registry.register(WorkType(Recording, LANE, LEASE_S, apply=apply, prepare=prepare))
