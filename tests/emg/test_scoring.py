"""Scores as they are kept, and made again without the file."""

from typing import Any

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from emg.analytics.parameters import VERSION
from emg.models import Recording, ScoringProfile
from emg.recordings import analysis, muscles
from emg.recordings.scoring import default_profile, judged, rescore, sides
from omibackend.core.errors import SetAside
from tests.conftest import payload, work
from tests.emg.c3d_files import C3DFile, emg_file
from tests.emg.uploads import Bucket

PLAIN = payload("storage/plain__object")


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    """Three holds of two seconds on each side; the file is gone afterwards."""
    place = bucket.put(emg_file())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    place.unlink()
    return Recording.objects.get()


def test_it_scores_what_it_has_analysed(recording: Recording) -> None:
    of_channel = (recording.analytics or {})["CH1 Raw"]
    assert of_channel["unit"] == "V"
    assert [round(each["start_s"], 1) for each in of_channel["contractions"]] == [1.0, 5.0, 9.0]
    scores = recording.scores or {}
    assert scores["sides"] == {"left": "CH1 Raw", "right": "CH2 Raw"}
    assert scores["left"]["count"] == 3
    assert scores["left"]["completion"] == 0.25
    assert scores["missing"] == ["effort"]
    assert scores["effort"] is None
    assert scores["profile"] == "GHOSTLY+ defaults"
    assert scores["parameters_version"] == VERSION
    assert scores["profile_version"] == default_profile().constants().version


def test_it_scores_again_without_the_file(recording: Recording) -> None:
    before = recording.scores or {}
    given = {"rpe": 6, "targets": {"*": {"contractions": 3}, "CH1 Raw": {"duration_s": 1.5}}}
    scores = rescore(recording, given) or {}
    assert (scores["left"]["completion"], scores["left"]["duration"]) == (1.0, 1.0)
    assert (scores["effort"], scores["missing"]) == (100, [])
    assert scores["overall"] > before["overall"]
    kept = Recording.objects.get()
    assert (kept.scores, kept.rpe) == (scores, 6)
    assert kept.analytics == recording.analytics


def test_it_scores_by_another_profile_and_says_so(recording: Recording) -> None:
    strict = ScoringProfile.objects.create(
        name="Strict", expected_contractions=24, bfr_applies_to="overall"
    )
    scores = rescore(recording, {"profile": strict, "bfr_pressure_percent": 70}) or {}
    assert (scores["profile"], scores["overall"]) == ("Strict", 0)
    assert scores["left"]["completion"] == 0.125
    assert scores["profile_version"] != default_profile().constants().version


def test_it_holds_contractions_against_the_targets_of_now(recording: Recording) -> None:
    recording.targets = {"CH1 Raw": {"mvc": 1.0, "duration_s": 60}}
    found = judged(recording)
    assert not any(each.meets_mvc or each.meets_duration for each in found["CH1 Raw"])
    assert any(each.meets_mvc for each in found["CH2 Raw"])


def test_it_keeps_what_a_therapist_adds_while_it_is_analysed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = muscles.measure

    def measure(*args: Any) -> Any:
        Recording.objects.update(rpe=5)
        return real(*args)

    monkeypatch.setattr(muscles, "measure", measure)
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    recording = Recording.objects.get()
    assert (recording.rpe, (recording.scores or {})["effort"]) == (5, 100)


@pytest.mark.parametrize(
    ("names", "left", "right"),
    [
        (["CH1", "CH2"], "CH1", "CH2"),
        (["EMG right", "EMG left"], "EMG left", "EMG right"),
        (["VL_R", "VL_L"], "VL_L", "VL_R"),
        (["only"], "only", None),
        (["Rectus", "Lateralis"], "Rectus", "Lateralis"),
    ],
)
def test_it_finds_the_sides(names: list[str], left: str, right: str | None) -> None:
    found = Recording(metadata={"channel_names": names}, analytics={name: {} for name in names})
    assert sides(found) == {"left": left, "right": right}
    found.sides = {"left": names[-1]}
    assert sides(found)["left"] == names[-1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": [1]},
        {"targets": {"CH1": 7}},
        {"targets": {"CH1": {"speed": 7}}},
        {"targets": {"CH1": {"mvc": 0}}},
        {"targets": {"CH1": {"contractions": 2.5}}},
        {"sides": {"up": "CH1"}},
        {"sides": {"left": 1}},
        {"rpe": 11},
    ],
)
def test_it_refuses_targets_that_mean_nothing(recording: Recording, wrong: dict[str, Any]) -> None:
    for name, value in wrong.items():
        setattr(recording, name, value)
    with pytest.raises(ValidationError) as refused:
        recording.clean_fields()
    assert set(refused.value.message_dict) == set(wrong)


@pytest.mark.parametrize("points", [[1] * 10, [101] * 11, ["1"] * 11, [True] * 11, {}])
def test_it_refuses_effort_points_that_mean_nothing(points: Any) -> None:
    with pytest.raises(ValidationError):
        ScoringProfile(name="x", effort_points=points).clean_fields()


def test_it_has_one_default_profile(db: None) -> None:
    assert default_profile() == default_profile()
    ScoringProfile.objects.update(is_default=False)
    ScoringProfile.objects.create(name="Ours", is_default=True)
    assert default_profile().name == "Ours"


def test_it_takes_the_activity_that_the_device_saw(bucket: Bucket) -> None:
    """GHOSTLY's: the activated channel says when, the raw one how strong."""
    pair = emg_file().stored[:1]
    seen = np.zeros_like(pair)
    seen[:, 2000:4000] = 1
    file = C3DFile(
        np.vstack([pair, seen]),
        labels=["CH1 Raw", "CH1 activated"],
        parameters={"ANALOG:UNITS": ["", ""], "ANALOG:MVC": [2e-4, 1.0]},
    )
    bucket.put(file)
    bucket.tell(PLAIN)
    work("inbox", "emg")
    analytics = Recording.objects.get().analytics or {}
    assert list(analytics) == ["CH1 Raw"]
    assert analytics["CH1 Raw"]["detector"] == "device"
    assert analytics["CH1 Raw"]["mvc"] == {"value": 2e-4, "unit": "V", "source": "given"}
    (contraction,) = analytics["CH1 Raw"]["contractions"]
    assert contraction["start_s"] == pytest.approx(2, abs=0.1)


def test_it_keeps_a_row_of_eight_channels_small(bucket: Bucket) -> None:
    """120 contractions on each: at most 200 kB."""
    one = emg_file(seconds=480).stored
    file = C3DFile(np.vstack([one * scale for scale in (1, 2, 3, 4)]).astype(np.float32))
    bucket.put(file)
    bucket.tell(PLAIN)
    work("inbox", "emg")
    analytics = Recording.objects.get().analytics or {}
    assert [len(found["contractions"]) for found in analytics.values()] == [120] * 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_column_size(r) FROM emg_recording r")
        (row_bytes,) = cursor.fetchone()
    assert 10_000 < row_bytes <= 200_000


def test_it_drops_thumbnails_before_metrics() -> None:
    kept = {"rms": 1.0, "envelope": "x" * 450_000, "spectrum": "y"}
    found = analysis.bounded({"CH1": kept})
    assert found == {"CH1": {"rms": 1.0, "envelope": None, "spectrum": None}}
    with pytest.raises(SetAside):
        analysis.bounded({"CH1": {"contractions": "x" * 450_000}})
