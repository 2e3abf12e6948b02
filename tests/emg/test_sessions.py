"""Recordings over REST: lists, details, new scores."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from emg.models import Recording, ScoringProfile
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import Bucket

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


def recorded(owner: Any, day: int, **fields: Any) -> Recording:
    return Recording.objects.create(
        owner=owner,
        bucket="b",
        object_path=f"{day}.c3d",
        session_id=f"day-{day}",
        recorded_at=datetime(2026, 11, day, tzinfo=UTC),
        **fields,
    )


def names(client: APIClient, **query: Any) -> list[str]:
    response = client.get("/emg/sessions", query)
    assert response.status_code == 200, response.content
    return [row["session_id"] for row in response.json()["results"]]


class TestList:
    def test_it_lists_the_latest_first(self, client: APIClient, recording: Recording) -> None:
        recorded(recording.owner, 2)
        rows = client.get("/emg/sessions/").json()["results"]
        assert [row["session_id"] for row in rows] == ["day-2", recording.session_id]
        (_, row) = rows
        assert (row["status"], row["patient"], row["reason"]) == ("completed", "P039", "")
        assert row["metadata"]["file_hash"] == recording.sha256
        assert row["score"] == (recording.scores or {})["overall"]
        assert (rows[0]["score"], rows[0]["metadata"]) == (None, None)

    def test_it_comes_in_pages(self, client: APIClient, owner: Any) -> None:
        for day in range(1, 6):
            recorded(owner, day)
        first = client.get("/emg/sessions", {"page_size": 2}).json()
        second = client.get(first["next"]).json()
        assert [row["session_id"] for row in second["results"]] == ["day-3", "day-2"]

    def test_it_is_narrowed_down(self, client: APIClient, owner: Any) -> None:
        recorded(owner, 1, patient_code="P039", state=State.DONE)
        recorded(owner, 2, patient_code="P040", state=State.DEAD)
        recorded(owner, 3, state=State.DEAD, analysed_at=datetime(2026, 11, 3, tzinfo=UTC))
        recorded(owner, 4, state=State.LEASED)
        recorded(owner, 5)
        assert names(client, patient="p039") == ["day-1"]
        assert names(client, status="completed") == ["day-3", "day-1"]
        assert names(client, status="failed") == ["day-2"]
        assert names(client, status="processing") == ["day-4"]
        assert names(client, status="pending") == ["day-5"]
        assert names(client, recorded_after="2026-11-04T00:00:00Z") == ["day-5", "day-4"]
        assert names(client, recorded_before="2026-11-02T01:00:00+01:00") == ["day-1"]

    @pytest.mark.parametrize(
        "query",
        [
            *("status=soon", "status=", f"patient={'P' * 11}", "patient=P%00"),
            *("recorded_after=soon", "recorded_after=", "recorded_before=9999-12-31T23:59:59-12"),
        ],
    )
    def test_it_refuses_what_it_does_not_know(self, client: APIClient, query: str) -> None:
        assert client.get(f"/emg/sessions?{query}").status_code == 400

    def test_it_reads_no_analytics_and_no_row_by_itself(
        self, client: APIClient, owner: Any
    ) -> None:
        asked = []
        for day in (1, 2, 3):
            recorded(owner, day)
            with CaptureQueriesContext(connection) as captured:
                client.get("/emg/sessions")
            asked.append(len(captured))
        assert asked[1] == asked[2]
        (rows,) = [each["sql"] for each in captured if "emg_recording" in each["sql"]]
        assert '"scores"' in rows
        assert '"analytics"' not in rows


class TestDetail:
    def test_it_shows_what_was_measured_and_scored(
        self, client: APIClient, recording: Recording
    ) -> None:
        answer = client.get(f"/emg/sessions/{recording.session_id}").json()
        assert list(answer["analytics"]) == ["CH1 Raw", "CH2 Raw"]
        channel = answer["analytics"]["CH1 Raw"]
        assert (channel["unit"], len(channel["contractions"])) == ("V", 3)
        assert {"rms", "mav", "mpf", "mdf", "fi_nsm5", "fatigue", "quality"} <= set(channel)
        assert answer["scores"] == recording.scores
        assert answer["sides"] == {"left": "CH1 Raw", "right": "CH2 Raw"}
        assert answer["metadata"]["channel_count"] == 2
        assert "notes" not in answer

    @pytest.mark.parametrize("by", ["pk", "session_code", "session_id"])
    def test_it_is_found_by_each_of_its_names(
        self, client: APIClient, recording: Recording, by: str
    ) -> None:
        answer = client.get(f"/emg/sessions/{getattr(recording, by)}/").json()
        assert answer["id"] == str(recording.pk)

    def test_it_shows_what_failed(self, client: APIClient, bucket: Bucket) -> None:
        bucket.put(b"no C3D file")
        bucket.tell(PLAIN)
        work("inbox", "emg")
        (row,) = client.get("/emg/sessions").json()["results"]
        answer = client.get(f"/emg/sessions/{row['id']}").json()
        assert (answer["status"], answer["analytics"], answer["scores"]) == ("failed", None, None)
        assert answer["reason"] == row["reason"] == "The file is not a C3D file."

    @pytest.mark.parametrize("session", ["nothing", "%00", "%ED%A0%80", "é", "-"])
    def test_it_knows_no_other(self, client: APIClient, recording: Recording, session: str) -> None:
        assert client.get(f"/emg/sessions/{session}").status_code == 404
        assert client.post(f"/emg/sessions/{session}/rescore").status_code == 404
        assert client.get(f"/emg/sessions/{session}/report").status_code == 404


class TestRescore:
    def post(self, client: APIClient, recording: Recording, body: Any) -> Any:
        return client.post(f"/emg/sessions/{recording.pk}/rescore", body, format="json")

    def test_it_scores_by_other_targets_without_the_file(
        self, client: APIClient, recording: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("emg.storage.folder.Folder.open", None)
        targets = {"*": {"duration_s": 0.5, "contractions": 3}, "CH1 Raw": {"mvc": 1e-5}}
        response = self.post(client, recording, {"targets": targets, "rpe": 5})
        assert response.status_code == 200, response.content
        answer = response.json()
        assert (answer["targets"], answer["rpe"]) == (targets, 5)
        assert (answer["scores"]["effort"], answer["scores"]["left"]["completion"]) == (100, 1)
        assert answer["scores"]["left"]["duration"] == 1
        assert answer["analytics"]["CH1 Raw"]["contractions"][0]["mvc_percent"] > 500
        stored = Recording.objects.get()
        assert (stored.scores, stored.targets) == (answer["scores"], targets)
        assert stored.analytics == recording.analytics

    def test_it_leaves_alone_what_is_not_given(
        self, client: APIClient, recording: Recording
    ) -> None:
        self.post(client, recording, {"rpe": 5, "bfr_pressure_percent": 90})
        answer = self.post(client, recording, {"rpe": None}).json()
        assert (answer["rpe"], answer["bfr_pressure_percent"]) == (None, 90)
        assert (answer["scores"]["effort"], answer["scores"]["pressure_kept"]) == (None, False)
        assert answer["scores"]["compliance"] == 0

    def test_it_takes_sides(self, client: APIClient, recording: Recording) -> None:
        sides = {"left": "CH2 Raw", "right": "CH1 Raw"}
        answer = self.post(client, recording, {"sides": sides}).json()
        assert answer["sides"] == answer["scores"]["sides"] == sides

    def test_it_takes_another_profile(self, client: APIClient, recording: Recording) -> None:
        made = ScoringProfile.objects.create(name="Strict", duration_threshold_ms=60_000)
        answer = self.post(client, recording, {"profile": made.pk}).json()
        assert answer["profile"] == {"id": made.pk, "name": "Strict"}
        assert answer["scores"]["left"]["duration"] == 0
        assert self.post(client, recording, {"profile": None}).json()["profile"] is None

    @pytest.mark.parametrize(
        "body",
        [
            *({"rpe": 11}, {"rpe": "5"}, {"rpe": True}, {"rpe": 10**400}, {"rpe": [5]}),
            *({"game_max_points": 0}, {"profile": 2**63}, {"profile": "1"}),
            *({"scores": {}}, {"analytics": None}, {"owner": 1}, [], "x", 7),
            *({"targets": []}, {"targets": {"*": {"sets": 3}}}),
            *({"targets": {"*": {"mvc": 0}}}, {"targets": {"*": {"contractions": 1.5}}}),
            *({"targets": {"*": None}}, {"targets": None}),
            *({"sides": {"up": "CH1 Raw"}}, {"sides": {"left": 1}}),
            {"sides": {"left": "CH1 Raw", "right": "CH1 Raw"}},
        ],
    )
    def test_it_refuses_what_it_cannot_use(
        self, client: APIClient, recording: Recording, body: Any
    ) -> None:
        response = self.post(client, recording, body)
        assert response.status_code == 400, response.content
        assert Recording.objects.get().scores == recording.scores

    @pytest.mark.parametrize(
        "body",
        [
            {"profile": 7},
            {"sides": {"left": "CH3"}},
            {"targets": {"CH3": {}}},
            {"targets": {"\x00": {}}},
        ],
    )
    def test_it_knows_no_other_profile_or_channel(
        self, client: APIClient, recording: Recording, body: Any
    ) -> None:
        assert self.post(client, recording, body).status_code == 404
        assert Recording.objects.get().scores == recording.scores

    def test_it_refuses_what_is_no_number(self, client: APIClient, recording: Recording) -> None:
        for text in ('{"rpe": NaN}', '{"rpe": 1e999}', '{"targets": {"*": {"mvc": Infinity}}}'):
            response = client.post(
                f"/emg/sessions/{recording.pk}/rescore", text, content_type="application/json"
            )
            assert response.status_code == 400


class TestWhoMay:
    @pytest.fixture
    def paths(self, recording: Recording) -> dict[str, str]:
        base = f"/emg/sessions/{recording.pk}"
        return {"list": "/emg/sessions", "one": base, "report": f"{base}/report?format=csv"}

    def test_another_person_finds_nothing(
        self, api: Api, recording: Recording, paths: dict[str, str], django_user_model: Any
    ) -> None:
        other = django_user_model.objects.create_user("eve@example.org", "a long passphrase too")
        assert api(other).get(paths["list"]).json()["results"] == []
        assert api(other).get(paths["one"]).status_code == 404
        assert api(other).get(paths["report"]).status_code == 404
        assert api(other).post(f"{paths['one']}/rescore", {"rpe": 1}).status_code == 404

    def test_a_token_needs_the_scope(self, api: Api, owner: Any, paths: dict[str, str]) -> None:
        for path in paths.values():
            assert api(owner, ["read", "write"]).get(path).status_code == 403
            assert api(owner, ["emg"]).get(path).status_code == 200
            assert api().get(path).status_code == 401
        response = api(owner, ["emg"]).post(f"{paths['one']}/rescore", {"rpe": 1}, format="json")
        assert response.status_code == 200

    def test_staff_need_the_permission(
        self, api: Api, paths: dict[str, str], django_user_model: Any
    ) -> None:
        helper = django_user_model.objects.create_user(
            "help@example.org", "a long passphrase too", is_staff=True
        )
        assert api(helper).get(paths["one"]).status_code == 404
        helper.user_permissions.add(Permission.objects.get(codename="view_recording"))
        assert len(api(helper).get(paths["list"]).json()["results"]) == 1
        assert api(helper).get(paths["one"]).status_code == 200
        rescore = f"{paths['one']}/rescore"
        assert api(helper).post(rescore, {"rpe": 1}, format="json").status_code == 404
        helper.user_permissions.add(Permission.objects.get(codename="rescore_recording"))
        assert api(helper).post(rescore, {"rpe": 1}, format="json").status_code == 200
