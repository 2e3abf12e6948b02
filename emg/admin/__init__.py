from emg.admin.profiles import ScoringProfileAdmin
from emg.admin.recordings import RecordingAdmin

__all__ = ["RecordingAdmin", "ScoringProfileAdmin"]
