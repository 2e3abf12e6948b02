"""What this app brings along."""

from contextlib import suppress

from django.conf import settings
from django.db.models import Exists, OuterRef

from emg.models import Recording
from omibackend.core.manifest import EffectKind, Entry, Finder, Lane, Manifest, Rule
from omibackend.core.personal_data import PersonalData, Table, rows_of
from omibackend.core.postgres.ids import first_uuid7


def forget(user_id: int) -> None:
    """Their files too, wherever they lie, but for those that somebody else has as well."""
    from emg.recordings.registry import object_of  # they load numpy, and the store's client
    from emg.storage import NotThere, store

    theirs = Recording.objects.filter(owner_id=user_id).order_by("pk")
    also = Recording.objects.exclude(owner_id=user_id).filter(
        bucket=OuterRef("bucket"), object_path=OuterRef("object_path")
    )
    mine = theirs.filter(~Exists(also)).only("bucket", "object_path", "version_id")
    here = store()
    for recording in mine.iterator():
        with suppress(NotThere):
            here.remove(object_of(recording))


PERSONAL_DATA = PersonalData(
    "emg",
    tables=(
        Table(
            "recordings",
            rows_of(Recording),
            "id session_id patient_code bucket object_path sha256 size_bytes recorded_at"
            " created_at metadata notes analytics processing_version analysed_at scores rpe"
            " game_points bfr_pressure_percent game_max_points targets sides",
        ),
    ),
    forget=forget,
)

manifest = Manifest(
    needs=(
        Finder("emg.view_recording", "emg.admin.needs.failed_recordings"),
        Finder("emg.view_recording", "emg.admin.needs.unusable_recordings"),
    ),
    sidebar=(
        Entry(30, "Recordings", "monitor_heart", "emg.recording", "EMG"),
        Entry(31, "Scoring profiles", "tune", "emg.scoringprofile", "EMG"),
    ),
    search=(Finder("emg.view_recording", "emg.admin.finding.recordings"),),
    retention=(
        Rule(
            "recordings",
            lambda before: Recording.objects.filter(pk__lt=first_uuid7(before)),
            days=lambda: settings.RETENTION_RECORDINGS_DAYS,
        ),
    ),
    effects=(EffectKind("recording", "emg.Recording", "vital_signs", "session_id"),),
    # A large recording holds up nothing else, and its memory goes with the process.
    lanes=(Lane("emg", "recordings: reads and scores them", work_horse=True),),
    personal_data=(PERSONAL_DATA,),
)
