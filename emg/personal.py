"""What this app keeps of a person. The files themselves are their store's."""

from emg.models import Recording
from omibackend.core.personal_data import PersonalData, Table

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
    )
)
