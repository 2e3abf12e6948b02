"""What `up --demo` shows of recordings."""

from emg.demo import HOLDS, SHORT, WEAK
from emg.models import Recording
from tests.conftest import work
from tests.emg.uploads import Bucket
from webhooks.providers.storage.samples import plain


def test_its_recording_is_analysed_and_scored(bucket: Bucket) -> None:
    (sample,) = plain()
    assert bucket.tell(sample.body).json()["metadata"]["channel_names"] == ["CH1 Raw", "CH2 Raw"]
    work("inbox", "emg")
    recording = Recording.objects.get()
    assert (recording.status, recording.reason) == ("completed", "")
    for channel in (recording.analytics or {}).values():
        assert len(channel["contractions"]) == HOLDS
        lengths = [each["duration_s"] for each in channel["contractions"]]
        assert lengths.index(min(lengths)) == SHORT
        peaks = [each["peak"] for each in channel["contractions"]]
        assert peaks.index(min(peaks)) == WEAK
    assert recording.scores
    assert recording.scores["sides"] == {"left": "CH1 Raw", "right": "CH2 Raw"}
    assert len(plain()) == 1  # the file is there already
