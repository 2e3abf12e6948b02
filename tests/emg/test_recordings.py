"""From a storage webhook to an analysed recording, by the real routes."""

import hashlib
import os
from typing import Any

import numpy as np
import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from emg.models import Recording
from emg.recordings import muscles
from omibackend.core.work import leased
from omibackend.core.work.effects import Change, Effect
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import C3DFile, emg_file
from tests.emg.test_c3d_recordings import HOSTILE
from tests.emg.uploads import BUCKET, PATH, Bucket
from webhooks.models import Delivery

PLAIN = payload("storage/plain__object")
INSERT = payload("storage/supabase__insert_null_metadata")
UPDATE = payload("storage/supabase__update")


def analyse() -> None:
    work("inbox", "emg")


def due_again() -> None:
    """The back-off is over."""
    Recording.objects.filter(state=State.PENDING).update(next_attempt_at=Now())


def the_one() -> Recording:
    return Recording.objects.get()


def test_it_answers_with_what_is_in_the_file(bucket: Bucket) -> None:
    place = bucket.put(emg_file())
    response = bucket.tell(PLAIN)
    assert response.status_code == 200
    answer = response.json()
    assert answer.pop("session_id").startswith("P039S003-")
    assert answer == {
        "success": True,
        "metadata": {
            "channel_names": ["CH1 Raw", "CH2 Raw"],
            "channel_count": 2,
            "sampling_rate": 1000.0,
            "duration_seconds": 12.0,
            "file_size_bytes": place.stat().st_size,
            "file_hash": None,
            "points_rate": 100.0,
        },
        "analytics_status": "processing",
    }


def test_it_analyses_in_the_background(bucket: Bucket) -> None:
    place = bucket.put(emg_file())
    session_id = bucket.tell(PLAIN).json()["session_id"]
    assert bucket.status(session_id)["status"] == "pending"
    analyse()
    recording = the_one()
    assert recording.sha256 == hashlib.sha256(place.read_bytes()).hexdigest()
    assert list(recording.analytics or {}) == ["CH1 Raw", "CH2 Raw"]
    assert (recording.patient_code, recording.session_code) == ("P039", "P039S003")
    assert recording.recorded_at.isoformat() == "2023-03-21T17:23:09+00:00"
    status = bucket.status(session_id)
    assert (status["status"], status["reason"]) == ("completed", "")
    assert status["metadata"]["file_hash"] == recording.sha256
    (delivery,) = Delivery.objects.all()
    assert delivery.effects == [Effect.on("recording", recording.pk, Change.CREATED)]


def test_it_tries_again_until_the_object_is_there_and_analyses_it_once(bucket: Bucket) -> None:
    response = bucket.tell(INSERT)
    assert (response.status_code, response.json()["metadata"]) == (200, None)
    analyse()
    waiting = the_one()
    assert (waiting.state, waiting.attempts) == (State.PENDING, 1)
    assert "not in the store (yet)" in bucket.status(waiting.session_id)["reason"]
    bucket.put(emg_file())
    due_again()
    analyse()
    done = the_one()
    assert (done.state, done.attempts, len(done.attempt_log)) == (State.DONE, 2, 2)
    assert done.analytics


@pytest.mark.parametrize("order", [[INSERT, UPDATE], [UPDATE, INSERT], [UPDATE, UPDATE]])
@pytest.mark.parametrize("between", [True, False])
def test_it_takes_the_messages_about_one_upload_for_one(
    bucket: Bucket, order: list[Any], between: bool
) -> None:
    bucket.put(emg_file())
    for body in order:
        assert bucket.tell(body).status_code == 200
        if between:
            analyse()
            first_analysed_at = the_one().analysed_at
    analyse()
    recording = the_one()
    assert recording.object_version == UPDATE["record"]["version"]
    assert (recording.state, bool(recording.analytics)) == (State.DONE, True)
    if between:
        assert recording.analysed_at == first_analysed_at


def test_it_does_not_wait_for_the_back_off_once_the_object_is_told_of_again(
    bucket: Bucket,
) -> None:
    bucket.tell(INSERT)
    analyse()
    bucket.put(emg_file())
    bucket.tell(UPDATE)
    analyse()
    assert the_one().state == State.DONE


def test_it_makes_a_recording_of_each_version(bucket: Bucket) -> None:
    bucket.put(emg_file(seed=1))
    bucket.tell(UPDATE)
    analyse()
    bucket.put(emg_file(seed=2))
    record = {**UPDATE["record"], "version": "another"}
    bucket.tell({**UPDATE, "record": record, "old_record": UPDATE["record"]})
    analyse()
    first, second = Recording.objects.order_by("id")
    assert first.sha256 != second.sha256
    assert (first.state, second.state) == (State.DONE, State.DONE)


def test_it_looks_again_when_told_without_a_version(bucket: Bucket) -> None:
    """The same bytes: nothing. Others: a recording of their own."""
    bucket.put(emg_file(seed=1))
    bucket.tell(PLAIN)
    analyse()
    before = the_one()
    bucket.tell(PLAIN)
    analyse()
    assert the_one().analysed_at == before.analysed_at
    bucket.put(emg_file(seed=2))
    bucket.tell(PLAIN)
    analyse()
    first, second = Recording.objects.order_by("id")
    assert (first.pk, first.sha256, first.state) == (before.pk, before.sha256, State.DONE)
    assert second.sha256 != first.sha256
    assert second.state == State.DONE
    assert bucket.status(first.session_id)["id"] == str(second.pk)


def test_it_analyses_the_same_content_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(emg_file())
    bucket.put(emg_file(), path="P040/copy.c3d")
    measured = []
    real = muscles.measure

    def measure(*args: Any) -> Any:
        measured.append(args)
        return real(*args)

    monkeypatch.setattr(muscles, "measure", measure)
    bucket.tell(PLAIN)
    bucket.tell({"bucket": BUCKET, "object_path": "P040/copy.c3d"})
    analyse()
    first, second = Recording.objects.all()
    assert len(measured) == 1
    assert first.analytics == second.analytics


def test_it_works_a_delivery_once_though_its_answer_told_of_it_too(bucket: Bucket) -> None:
    """The analysis may be faster than the delivery's own job."""
    bucket.put(b"no C3D file")
    bucket.tell(PLAIN)
    work("emg")
    assert the_one().state == State.DEAD
    work("inbox", "emg")
    assert len(the_one().attempt_log) == 1
    leased.replay(Delivery.objects.all())
    work("inbox", "emg")
    assert len(the_one().attempt_log) == 2


def test_it_takes_no_numbers_for_voltages_that_are_none(bucket: Bucket) -> None:
    file = emg_file()
    bucket.put(C3DFile(file.stored * np.float32(1e20), parameters=dict(file.parameters)))
    answer = bucket.tell(PLAIN).json()
    analyse()
    assert bucket.status(answer["session_id"])["reason"].endswith("no voltages.")


def test_it_answers_with_numbers_of_any_length(bucket: Bucket) -> None:
    """PostgreSQL keeps 1e40 as an integer of 41 digits."""
    bucket.tell(UPDATE)
    Recording.objects.update(state=State.DONE, metadata={"duration_seconds": 1e40})
    answer = bucket.tell(UPDATE).json()
    assert float(answer["metadata"]["duration_seconds"]) == 1e40


def test_it_uses_the_session_id_that_it_is_given(bucket: Bucket) -> None:
    bucket.put(emg_file())
    given = {**PLAIN, "session_id": "visit-7"}
    assert bucket.tell(given).json()["session_id"] == "visit-7"
    assert bucket.tell(PLAIN).json()["session_id"] == "visit-7"
    analyse()
    assert bucket.status("visit-7")["status"] == "completed"
    assert bucket.status("P039S003")["session_id"] == "visit-7"


def test_it_says_why_a_cut_file_failed_and_keeps_nothing_of_it(bucket: Bucket) -> None:
    whole = emg_file().encoded()
    bucket.put(whole[: len(whole) // 2])
    answer = bucket.tell(PLAIN).json()
    assert (answer["metadata"], answer["analytics_status"]) == (None, "processing")
    analyse()
    status = bucket.status(answer["session_id"])
    assert status["status"] == "failed"
    assert "promises 1,200 frames" in status["reason"]
    assert "ezc3d finds" in status["reason"]
    assert the_one().analytics is None


def test_it_keeps_the_metadata_of_a_file_without_emg(bucket: Bucket) -> None:
    bucket.put(emg_file(parameters={"ANALOG:UNITS": ["N", "Nmm"]}))
    answer = bucket.tell(PLAIN).json()
    analyse()
    status = bucket.status(answer["session_id"])
    assert status["status"] == "failed"
    why = "The file has no EMG channel: its channels are forces or in N, Nmm."
    assert status["reason"] == why
    assert status["metadata"]["channel_count"] == 2


def test_it_refuses_a_file_that_is_too_large(bucket: Bucket, settings: Settings) -> None:
    settings.MAX_C3D_SIZE_BYTES = 10_000
    bucket.put(emg_file())
    answer = bucket.tell(PLAIN).json()
    analyse()
    assert "MAX_C3D_SIZE" in bucket.status(answer["session_id"])["reason"]
    assert the_one().state == State.DEAD


def test_it_never_stores_a_row_that_is_too_large(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muscles, "measure", lambda *_: {"CH1": {"trend": "x" * 450_000}})
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    analyse()
    failed = the_one()
    assert (failed.state, failed.analytics) == (State.DEAD, None)
    assert "450,000" in failed.last_error


def test_it_takes_no_file_that_changes_while_it_is_read(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bucket.put(emg_file())

    def measure(*args: Any) -> Any:
        os.utime(place, (1, 1))
        return {}

    monkeypatch.setattr(muscles, "measure", measure)
    bucket.tell(PLAIN)
    analyse()
    assert "replaced while it was read" in the_one().last_error


def test_it_does_nothing_twice_if_the_lease_is_lost(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*args: Any) -> Any:
        Recording.objects.update(lease_token=None)
        args[2](50)

    monkeypatch.setattr(muscles, "measure", slow)
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    analyse()
    assert the_one().analytics is None


@pytest.mark.parametrize(
    "path",
    ["../secret.c3d", "a/../../b.c3d", "/etc/x.c3d", "a//b.c3d", "a\\b.c3d", "", "a\x00.c3d"],
)
def test_it_reads_nothing_outside_of_its_buckets(bucket: Bucket, path: str) -> None:
    response = bucket.tell({"bucket": BUCKET, "object_path": path})
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "bad_name"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "a..b"])
def test_it_knows_no_bucket_that_is_no_name(bucket: Bucket, name: str) -> None:
    assert bucket.tell({"bucket": name, "object_path": PATH}).status_code == 400


def test_it_waits_on_no_pipe(bucket: Bucket) -> None:
    place = bucket.put(b"")
    place.unlink()
    os.mkfifo(place)
    assert bucket.tell(PLAIN).json()["metadata"] is None
    analyse()
    assert the_one().state == State.PENDING


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="no folder of hostile files")
def test_it_survives_hostile_files(bucket: Bucket) -> None:
    """Analysed or refused with a reason: none is tried again, and no worker dies of one."""
    for path in sorted(HOSTILE.iterdir()):
        bucket.put(path.read_bytes(), path=f"hostile/{path.name}")
        assert bucket.tell({"bucket": BUCKET, "object_path": f"hostile/{path.name}"}).status_code
    analyse()
    recordings = list(Recording.objects.all())
    assert len(recordings) == len(list(HOSTILE.iterdir()))
    for recording in recordings:
        failed = recording.state == State.DEAD and recording.last_error.endswith(".")
        assert failed or recording.state == State.DONE
    assert max(recording.attempts for recording in recordings) == 1
