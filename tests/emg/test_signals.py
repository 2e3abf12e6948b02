"""A channel just in time, by the real route."""

import gzip
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import Permission
from pytest_django import Settings
from rest_framework.test import APIClient

from emg import c3d, storage
from emg.analytics import parameters
from emg.analytics.amplitude import rms_envelope
from emg.analytics.conditioning import condition
from emg.analytics.parameters import PARAMETERS
from emg.c3d.source import read_at
from emg.models import Recording
from emg.recordings.scoring import rescore
from emg.storage.ahead import Ahead
from tests.conftest import payload, work
from tests.emg.c3d_files import RATE_HZ, C3DFile, emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket

PLAIN = payload("storage/plain__object")
Api = Callable[..., APIClient]


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    return Recording.objects.get()


@pytest.fixture
def client(api: Api, owner: Any) -> APIClient:
    return api(owner)


def path(recording: Recording, channel: str = "CH1 Raw") -> str:
    return f"/signals/{recording.session_id}/{channel}"


def taken_in(bucket: Bucket, file: C3DFile) -> Recording:
    bucket.put(file)
    bucket.tell(PLAIN)
    work("inbox", "emg")
    return Recording.objects.get()


def samples(bucket: Bucket, channel: int = 0) -> tuple[c3d.Metadata, Any]:
    place = bucket.root / BUCKET / PATH
    with place.open("rb") as file:
        metadata = c3d.read_metadata(file, size_bytes=place.stat().st_size)
        return metadata, c3d.read_channel(file, metadata, channel)


class TestAnswer:
    def test_it_draws_the_whole_recording(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        response = client.get(path(recording), {"points": 100})
        assert response.status_code == 200
        answer = response.json()
        assert (answer["session_id"], answer["channel"]) == (recording.session_id, "CH1 Raw")
        assert (answer["unit"], answer["sampling_rate"]) == ("V", RATE_HZ)
        assert (answer["start_s"], answer["end_s"], answer["bucket_s"]) == (0, 12, 0.12)
        assert answer["t"] == {"start": 0, "step": 0.12}
        rows = samples(bucket)[1].reshape(100, 120)
        assert answer["min"] == pytest.approx(rows.min(1), rel=1e-3)
        assert answer["max"] == pytest.approx(rows.max(1), rel=1e-3)

    def test_its_envelope_is_the_one_that_contractions_are_measured_by(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        answer = client.get(path(recording), {"points": 1000}).json()
        exact = condition(samples(bucket)[1], RATE_HZ, PARAMETERS).samples
        expected = rms_envelope(exact, RATE_HZ, window_s=0.1).reshape(1000, 12).max(1)
        inner = slice(30, -30)  # a filter guesses what was before the beginning
        assert answer["envelope"][inner] == pytest.approx(expected[inner], rel=1e-3)
        assert max(answer["envelope"]) == pytest.approx(
            max(each["peak"] for each in answer["contractions"]), rel=1e-3
        )

    def test_it_shows_contractions_with_mvc_target_and_threshold(
        self, client: APIClient, recording: Recording
    ) -> None:
        answer = client.get(path(recording)).json()
        analysis = (recording.analytics or {})["CH1 Raw"]
        assert [each["index"] for each in answer["contractions"]] == [0, 1, 2]
        assert answer["contractions"][1]["start_s"] == analysis["contractions"][1]["start_s"]
        assert answer["threshold"] == analysis["threshold"]
        assert (answer["mvc"], answer["mvc_source"]) == (analysis["mvc"]["value"], "estimated")
        assert answer["target"] == pytest.approx(0.75 * answer["mvc"])

    def test_it_judges_by_the_targets_of_now(self, client: APIClient, recording: Recording) -> None:
        targets = {"CH1 Raw": {"mvc": 1.0, "mvc_percent": 50, "duration_s": 0.5}}
        rescore(recording, {"targets": targets})
        answer = client.get(path(recording)).json()
        assert (answer["mvc"], answer["mvc_source"], answer["target"]) == (1.0, "given", 0.5)
        assert [each["meets_mvc"] for each in answer["contractions"]] == [False] * 3
        assert [each["meets_duration"] for each in answer["contractions"]] == [True] * 3

    def test_it_answers_for_the_asked_stretch_alone(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        answer = client.get(path(recording), {"start": 5.5, "end": 6.5, "points": 2000}).json()
        assert (answer["start_s"], answer["end_s"], answer["bucket_s"]) == (5.5, 6.5, 0.001)
        part = samples(bucket)[1][5500:6500]
        assert answer["min"] == answer["max"] == pytest.approx(part, rel=1e-3)
        assert [each["index"] for each in answer["contractions"]] == [1]
        whole = client.get(path(recording), {"points": 1000}).json()["envelope"]
        assert max(answer["envelope"]) == pytest.approx(max(whole[458:542]), rel=2e-3)

    def test_no_spike_disappears(self, client: APIClient, bucket: Bucket) -> None:
        file = emg_file(seconds=60)
        file.stored[0, 31_234] = 0.02
        recording = taken_in(bucket, file)
        answer = client.get(path(recording), {"points": 50}).json()
        assert len(answer["max"]) == 50
        assert answer["max"][26] == pytest.approx(0.02)
        assert sorted(answer["max"])[-2] < 0.001

    def test_a_gap_is_a_gap(self, client: APIClient, bucket: Bucket) -> None:
        file = emg_file()
        file.stored[0, 2000:4000] = np.nan
        file.stored[0, 5000] = np.inf
        recording = taken_in(bucket, file)
        answer = client.get(path(recording), {"points": 120}).json()
        assert answer["max"][20:40] == [None] * 20
        assert None not in answer["max"][:20] + answer["max"][40:] + answer["envelope"]

    def test_numbers_that_are_no_voltages_do_no_harm(
        self, client: APIClient, bucket: Bucket
    ) -> None:
        file = emg_file(parameters={"ANALOG:GEN_SCALE": 1e30})
        file.stored[0, 5000] = 3e38
        bucket.put(file)
        bucket.tell(PLAIN)
        work("inbox")
        answer = client.get(path(Recording.objects.get())).json()
        assert max(answer["max"]) == pytest.approx(3e68)
        assert len(answer["envelope"]) == 1000

    def test_a_long_recording_is_drawn_in_pieces_without_seams(
        self, client: APIClient, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = client.get(path(recording), {"points": 500}).json()
        monkeypatch.setattr("emg.waveform.decimation.PIECE_SAMPLES", 1000)
        pieces = client.get(path(recording), {"points": 500}).json()
        assert (pieces["min"], pieces["max"]) == (whole["min"], whole["max"])
        assert pieces["envelope"] == pytest.approx(whole["envelope"], rel=2e-3)

    def test_a_channel_without_emg_has_no_envelope(self, client: APIClient, bucket: Bucket) -> None:
        recording = taken_in(bucket, emg_file(parameters={"ANALOG:UNITS": ["V", "N"]}))
        answer = client.get(path(recording, "CH2 Raw")).json()
        assert (answer["unit"], answer["envelope"], answer["contractions"]) == ("N", [], [])
        assert (answer["mvc"], answer["mvc_source"], answer["threshold"]) == (None, "none", None)

    def test_a_recording_that_waits_for_its_analysis_can_be_seen(
        self, client: APIClient, bucket: Bucket
    ) -> None:
        bucket.put(emg_file())
        bucket.tell(PLAIN)
        work("inbox")
        answer = client.get(path(Recording.objects.get())).json()
        assert (len(answer["max"]), answer["contractions"]) == (1000, [])

    def test_its_numbers_are_short(self, client: APIClient, recording: Recording) -> None:
        told = re.search(rb'"max":\[([^]]+)', client.get(path(recording)).content)
        assert told
        digits = [re.sub(rb"e.*|[-.]", b"", each).lstrip(b"0") for each in told[1].split(b",")]
        assert max(map(len, digits)) == 4

    def test_it_stores_nothing(self, client: APIClient, recording: Recording) -> None:
        before = Recording.objects.values().get()
        client.get(path(recording))
        assert Recording.objects.values().get() == before


def test_a_store_far_away_is_asked_seldom() -> None:
    asked = []

    class Remote(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(size)
            return super().read(size)

    content = bytes(range(256)) * 100
    file = Ahead(Remote(content), 10_000)
    for at in range(0, len(content), 1000):
        wanted = content[max(0, at - 100) : at + 1000]
        assert read_at(file, max(0, at - 100), len(wanted)) == wanted
    assert read_at(file, 30_000, 9) == b""
    assert len(asked) == 5  # three for all of it, two to see that it has ended


class TestWire:
    def test_it_is_small_whatever_the_recording(self, client: APIClient, bucket: Bucket) -> None:
        recording = taken_in(bucket, emg_file(seconds=600))
        plain = client.get(path(recording), {"points": 2000})
        packed = client.get(path(recording), {"points": 2000}, headers={"Accept-Encoding": "gzip"})
        assert packed["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.content) == plain.content
        assert len(packed.content) < 50_000
        assert len(plain.content) < 100_000

    @pytest.mark.parametrize("accepted", ["gzip;q=0", "br", "identity", ""])
    def test_it_packs_only_for_who_can_unpack(
        self, client: APIClient, recording: Recording, accepted: str
    ) -> None:
        response = client.get(path(recording), headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in response
        assert response.json()["channel"] == "CH1 Raw"

    def test_it_says_when_nothing_has_changed_without_reading(
        self, client: APIClient, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = client.get(path(recording))
        assert first["Cache-Control"] == "private, no-cache"
        assert {"Accept-Encoding", "Authorization", "Cookie"} <= set(first["Vary"].split(", "))
        assert not first["ETag"].startswith("W/")
        monkeypatch.setattr("emg.waveform.reading.read", None)
        again = client.get(path(recording), headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]

    def test_its_etag_differs_with_whatever_changes_the_answer(
        self, client: APIClient, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        etags = [
            client.get(path(recording, channel), {"start": start, "points": points}, headers=said)[
                "ETag"
            ]
            for channel, start, points, said in (
                ("CH1 Raw", 0, 1000, {}),
                ("CH2 Raw", 0, 1000, {}),
                ("CH1 Raw", 1, 1000, {}),
                ("CH1 Raw", 0, 999, {}),
                ("CH1 Raw", 0, 1000, {"Accept-Encoding": "gzip"}),
            )
        ]
        rescore(recording, {"targets": {"*": {"duration_s": 30}}})
        etags.append(client.get(path(recording))["ETag"])
        monkeypatch.setattr(parameters, "VERSION", "next")
        etags.append(client.get(path(recording))["ETag"])
        assert len(set(etags)) == 7


class TestRefusals:
    @pytest.mark.parametrize(
        "query",
        [
            *("start=-1", "start=nan", "start=inf", "start=", "start=1_0", "start=1e999"),
            *("end=x", "start=%00"),
            *("points=49", "points=2001", "points=1.5", "points=x", "points=", "points=%F0"),
            f"points={'9' * 5000}",
        ],
    )
    def test_it_refuses_what_is_no_stretch(
        self, client: APIClient, recording: Recording, query: str
    ) -> None:
        response = client.get(f"{path(recording)}?{query}")
        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] in ("start", "end", "points")

    @pytest.mark.parametrize("query", ["start=12", "start=99", "end=0", "start=3&end=2"])
    def test_it_has_nothing_where_no_sample_is(
        self, client: APIClient, recording: Recording, query: str
    ) -> None:
        response = client.get(f"{path(recording)}?{query}")
        (error,) = response.json()["errors"]
        assert (response.status_code, error["code"]) == (404, "out_of_range")
        assert error["attr"] in ("start", "end")

    @pytest.mark.parametrize("channel", ["CH3", "ch1 raw", "%00", "a/b/c", "%ED%A0%80"])
    def test_it_knows_no_other_channel(
        self, client: APIClient, recording: Recording, channel: str
    ) -> None:
        response = client.get(path(recording, channel))
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "no_such_channel"

    @pytest.mark.parametrize("session", ["nothing", "%00", "%ED%A0%80", "0" * 32])
    def test_it_knows_no_other_session(
        self, client: APIClient, recording: Recording, session: str
    ) -> None:
        assert client.get(f"/signals/{session}/CH1 Raw").status_code == 404

    def test_it_says_when_the_file_is_gone(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        (bucket.root / BUCKET / PATH).unlink()
        assert refusal(client, recording) == (404, "file_gone")

    def test_it_shows_no_other_file_than_the_one_that_was_analysed(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        bucket.put(emg_file(seed=2))
        assert refusal(client, recording) == (409, "file_replaced")

    def test_it_says_when_the_file_is_too_large(
        self, client: APIClient, recording: Recording, settings: Settings
    ) -> None:
        settings.MAX_C3D_SIZE_BYTES = 10_000
        assert refusal(client, recording) == (422, "file_too_large")

    def test_it_says_when_the_file_is_damaged(self, client: APIClient, bucket: Bucket) -> None:
        whole = emg_file().encoded()
        bucket.put(whole[: len(whole) // 2])
        bucket.tell(PLAIN)
        work("inbox", "emg")
        assert refusal(client, Recording.objects.get()) == (422, "file_damaged")

    @pytest.mark.parametrize("error", [storage.StoreAway("It broke off."), OSError(5, "I/O error")])
    def test_it_says_when_the_store_is_away(
        self,
        client: APIClient,
        recording: Recording,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
    ) -> None:
        def away(*args: Any, **options: Any) -> Any:
            raise error

        monkeypatch.setattr("emg.storage.folder.Folder.open", away)
        response = client.get(path(recording))
        assert (response.status_code, response["Retry-After"]) == (503, "5")


def refusal(client: APIClient, recording: Recording) -> tuple[int, str]:
    response = client.get(path(recording))
    return response.status_code, response.json()["errors"][0]["code"]


class TestWhoMayLook:
    def test_another_person_finds_nothing(
        self, api: Api, recording: Recording, django_user_model: Any
    ) -> None:
        other = django_user_model.objects.create_user("eve@example.org", "a long passphrase too")
        assert api(other).get(path(recording)).status_code == 404
        assert api().get(path(recording)).status_code == 401

    def test_a_token_needs_the_scope(self, api: Api, owner: Any, recording: Recording) -> None:
        assert api(owner, ["read", "chat"]).get(path(recording)).status_code == 403
        assert api(owner, ["emg"]).get(path(recording)).status_code == 200

    def test_staff_need_the_permission(
        self, api: Api, recording: Recording, django_user_model: Any
    ) -> None:
        helper = django_user_model.objects.create_user(
            "help@example.org", "a long passphrase too", is_staff=True
        )
        helper.user_permissions.add(Permission.objects.get(codename="view_recording"))
        assert api(helper).get(path(recording)).status_code == 404
        helper.user_permissions.add(Permission.objects.get(codename="view_signal"))
        assert api(helper).get(f"/signals/{recording.pk}/CH1 Raw/").status_code == 200

    def test_it_is_only_read(self, client: APIClient, recording: Recording) -> None:
        assert client.post(path(recording)).status_code == 405
