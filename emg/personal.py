"""What this app keeps of a person."""

from contextlib import suppress

from django.db.models import Exists, OuterRef

from emg.models import Recording
from emg.services import object_of
from emg.storage import NotThere, store
from omibackend.core.personal_data import PersonalData, Table


def forget(user_id: int) -> None:
    """Their files too, wherever they lie, but for those that somebody else has as well."""
    theirs = Recording.objects.filter(owner_id=user_id).order_by("pk")
    also = Recording.objects.exclude(owner_id=user_id).filter(
        bucket=OuterRef("bucket"), object_path=OuterRef("object_path")
    )
    mine = theirs.filter(~Exists(also)).only("bucket", "object_path", "version_id")
    here = store()
    for recording in mine.iterator():
        with suppress(NotThere):
            here.remove(object_of(recording))


PersonalData.register(
    PersonalData(
        "emg",
        tables=(
            Table(
                "recordings",
                lambda user_id: Recording.objects.filter(owner_id=user_id),
                (
                    *("id", "session_id", "patient_code", "bucket", "object_path", "sha256"),
                    *("size_bytes", "recorded_at", "created_at", "metadata", "notes", "analytics"),
                    *("processing_version", "analysed_at", "scores", "rpe", "game_points"),
                    *("bfr_pressure_percent", "game_max_points", "targets", "sides"),
                ),
            ),
        ),
        forget=forget,
    )
)
