"""Recordings and scoring profiles in the admin."""

import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from emg.models import Recording, ScoringProfile
from emg.recordings import scoring
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, Bucket

LIST = "/admin/emg/recording/"
PROFILES = "/admin/emg/scoringprofile/"
PLAIN = payload("storage/plain__object")


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    return Recording.objects.get()


def clerk(*codes: str) -> Client:
    """Of the staff, with these permissions and no others."""
    made = get_user_model().objects.create_user("clerk@example.org", "x", is_staff=True)
    made.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client = Client()
    client.force_login(made)
    return client


def _analysed(recording: Recording) -> Recording:
    """As it was before a test spoiled it."""
    recording.save()
    return recording


def address(recording: Recording, page: str = "change") -> str:
    return f"{LIST}{recording.pk}/{page}/"


def html(client: Client, url: str, **query: str) -> str:
    answer = client.get(url, query)
    assert answer.status_code == 200
    return answer.content.decode()


class TestList:
    @pytest.mark.parametrize("term", ["", "P039", "p039s003", "{id}", "{session_id}"])
    def test_it_finds_a_recording(self, admin: Client, recording: Recording, term: str) -> None:
        wanted = term.format(id=recording.pk, session_id=recording.session_id)
        assert str(recording.pk) in html(admin, LIST, q=wanted)

    @pytest.mark.parametrize("term", ["P040", "39", "P039\x00"])
    def test_it_finds_no_other(self, admin: Client, recording: Recording, term: str) -> None:
        found = str(recording.pk) in html(admin, LIST, q=term)
        assert found is ("\x00" in term)  # what PostgreSQL cannot store is left out

    @pytest.mark.parametrize("query", [{"status": "waiting"}, {"status": "failed"}])
    def test_it_filters(self, admin: Client, recording: Recording, query: dict[str, str]) -> None:
        assert str(recording.pk) not in html(admin, LIST, **query)

    def test_it_filters_by_patient_and_score(self, admin: Client, recording: Recording) -> None:
        assert str(recording.pk) in html(admin, LIST, patient="P039", score="scored")
        assert str(recording.pk) in html(admin, LIST, score="rpe")
        assert str(recording.pk) not in html(admin, LIST, patient="P040")
        scoring.rescore(recording, {"rpe": 4})
        assert str(recording.pk) not in html(admin, LIST, score="rpe")

    def test_it_tells_quality_without_reading_metrics(
        self, admin: Client, recording: Recording
    ) -> None:
        analytics = recording.analytics or {}
        analytics["CH1 Raw"]["quality"] = [{"code": "clipping", "words": "", "consequence": ""}]
        Recording.objects.filter(pk=recording.pk).update(analytics=analytics)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert "clipping" in html(admin, LIST)
        heavy = [one["sql"] for one in asked if '"emg_recording"."analytics"' in one["sql"]]
        assert heavy == []

    def test_it_asks_as_much_for_many_as_for_one(
        self, admin: Client, recording: Recording, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            copy = Recording.objects.get(pk=recording.pk)
            copy.pk, copy._state.adding = None, True
            copy.pk = Recording._meta.pk.get_default()
            copy.object_version = str(number)
            copy.save()
        with django_assert_max_num_queries(14):
            assert "21 recordings" in html(admin, LIST)


class TestPage:
    def test_it_shows_score_sides_and_signal(self, admin: Client, recording: Recording) -> None:
        page = html(admin, address(recording))
        assert "Session score" in page
        assert "mean of left" in page
        assert page.count('class="ob-pips"') == 2
        told = json.loads(re.search(r'id="emg-plot"[^>]*>(.*?)</script>', page)[1])  # type: ignore[index]
        assert told["length_s"] == 12
        assert [one["name"] for one in told["channels"]] == ["CH1 Raw", "CH2 Raw"]
        assert len(told["channels"][0]["contractions"]) == 3

    def test_it_shows_no_signal_without_the_right(self, recording: Recording) -> None:
        client = clerk("view_recording")
        page = html(client, address(recording))
        assert "needs the permission" in page
        assert "emg-plot" not in page
        assert "ob-overview" not in page
        for kind in ("file", "picture"):
            assert client.get(address(recording, kind)).status_code == 403

    def test_it_shows_nothing_to_staff_without_the_right(self, recording: Recording) -> None:
        client = clerk("view_signal", "rescore_recording")
        for page in ("change", "over-time", "rescore", "file", "picture"):
            assert client.get(address(recording, page)).status_code == 403
        assert client.get(LIST).status_code == 403

    def test_it_keeps_the_metadata_of_what_could_not_be_analysed(
        self, admin: Client, recording: Recording
    ) -> None:
        Recording.objects.update(
            state=State.DEAD, analytics=None, scores=None, analysed_at=None, last_error="It is cut."
        )
        page = html(admin, address(recording))
        assert "Not analysed." in page
        assert "It is cut." in page
        assert "12.0 s at 1000 Hz" in page
        assert "data-reload-s" not in page
        assert "Score again" not in page
        assert admin.get(f"{LIST}{recording.pk}/csv/").status_code == 403
        assert "Score again" in html(admin, address(_analysed(recording)))

    def test_it_says_how_far_the_analysis_is(self, admin: Client, recording: Recording) -> None:
        Recording.objects.update(
            state=State.LEASED, progress_percent=40, analytics=None, scores=None
        )
        page = html(admin, address(recording))
        assert "Analysis is running." in page
        assert 'value="40"' in page
        assert "data-reload-s" in page

    def test_it_says_that_the_constants_have_changed(
        self, admin: Client, recording: Recording
    ) -> None:
        assert "have changed since" not in html(admin, address(recording))
        ScoringProfile.objects.update(weight_effort=0.5)
        assert "have changed since" in html(admin, address(recording))

    def test_it_escapes_what_the_file_says(self, admin: Client, bucket: Bucket) -> None:
        file = emg_file()
        bucket.put(type(file)(**{**vars(file), "labels": ["</script><b>", "CH2 Raw"]}))
        bucket.tell(PLAIN)
        work("inbox", "emg")
        page = html(admin, address(Recording.objects.get()))
        assert "</script><b>" not in page
        assert "&lt;/script&gt;&lt;b&gt;" in page


class TestFile:
    def test_it_hands_out_the_original(
        self, admin: Client, recording: Recording, bucket: Bucket
    ) -> None:
        answer: Any = admin.get(address(recording, "file"))
        stored = (bucket.root / BUCKET / recording.object_path).read_bytes()
        assert b"".join(answer.streaming_content) == stored
        assert answer["Content-Type"] == "application/octet-stream"
        assert recording.object_path.rpartition("/")[2] in answer["Content-Disposition"]

    def test_it_does_not_hand_out_another_file(
        self, admin: Client, recording: Recording, bucket: Bucket
    ) -> None:
        bucket.put(emg_file(seed=9, seconds=8))
        answer = admin.get(address(recording, "file"), follow=True)
        assert "was replaced since" in answer.content.decode()

    def test_it_draws_a_channel_as_a_picture(self, admin: Client, recording: Recording) -> None:
        answer = admin.get(address(recording, "picture"), {"channel": "CH2 Raw"})
        assert answer["Content-Type"] == "image/svg+xml"
        assert answer.content.startswith(b"<svg")
        assert answer.content.count(b"<rect") == 6  # a band and its cap for each contraction
        assert admin.get(address(recording, "picture"), {"channel": "x"}).status_code == 404

    @pytest.mark.parametrize(("kind", "begins"), [("csv", b""), ("pdf", b"%PDF")])
    def test_it_leads_to_the_reports(
        self, admin: Client, recording: Recording, kind: str, begins: bytes
    ) -> None:
        answer = admin.get(f"{LIST}{recording.pk}/{kind}/", follow=True)
        assert answer.status_code == 200
        assert answer["Content-Type"].partition(";")[0].endswith(kind)
        assert answer.content.startswith(begins)


class TestRescore:
    def form(self, **given: str) -> dict[str, str]:
        return {"left_channel": "CH1 Raw", "right_channel": "CH2 Raw", **given}

    def test_it_takes_over_what_a_therapist_says(self, admin: Client, recording: Recording) -> None:
        form = self.form(rpe="6", left_contractions="3", left_mvc="200", right_duration_s="0.5")
        assert admin.post(address(recording, "rescore"), form).status_code == 302
        saved = Recording.objects.get()
        assert saved.targets["CH1 Raw"] == {"contractions": 3, "mvc": pytest.approx(2e-4)}
        assert saved.targets["CH2 Raw"] == {"duration_s": 0.5}
        assert (saved.scores or {})["effort"] == 100
        assert (saved.scores or {})["left"]["completion"] == 1
        assert LogEntry.objects.get().change_message == "Scored again."

    def test_it_empties_what_held_for_every_channel(
        self, admin: Client, recording: Recording
    ) -> None:
        scoring.rescore(recording, {"targets": {"*": {"contractions": 3, "duration_s": 0.5}}})
        admin.post(address(recording, "rescore"), self.form(left_contractions="3"))
        assert Recording.objects.get().targets == {"CH1 Raw": {"contractions": 3}}

    def test_it_swaps_the_sides(self, admin: Client, recording: Recording) -> None:
        form = self.form(left_channel="CH2 Raw", right_channel="CH1 Raw")
        admin.post(address(recording, "rescore"), form)
        saved = Recording.objects.get()
        assert (saved.scores or {})["sides"] == {"left": "CH2 Raw", "right": "CH1 Raw"}

    @pytest.mark.parametrize(
        "given",
        [
            {"rpe": "11"},
            {"game_points": "3"},
            {"left_contractions": "2.5"},
            {"left_mvc": "0"},
            {"left_mvc": "nan"},
            {"right_channel": "CH1 Raw"},
        ],
    )
    def test_it_refuses_nonsense(
        self, admin: Client, recording: Recording, given: dict[str, str]
    ) -> None:
        answer = admin.post(address(recording, "rescore"), self.form(**given))
        assert answer.status_code == 200
        assert "error" in answer.content.decode()
        assert Recording.objects.get().scores == recording.scores

    def test_it_needs_its_own_right(self, recording: Recording) -> None:
        client = clerk("view_recording")
        assert client.post(address(recording, "rescore"), self.form(rpe="6")).status_code == 403
        assert "Score again" not in html(client, address(recording))

    def test_it_scores_chosen_ones_with_the_constants_of_now(
        self, admin: Client, recording: Recording
    ) -> None:
        ScoringProfile.objects.update(expected_contractions=3)
        chosen = {"action": "score_selected", "_selected_action": [str(recording.pk)]}
        assert admin.post(LIST, chosen).status_code == 302
        assert (Recording.objects.get().scores or {})["left"]["completion"] == 1


class TestAgain:
    def test_it_analyses_again(self, admin: Client, recording: Recording) -> None:
        chosen = {"action": "reanalyse", "_selected_action": [str(recording.pk)]}
        assert admin.post(LIST, chosen).status_code == 302
        assert Recording.objects.get().state == State.PENDING

    def test_it_needs_a_post_and_its_own_right(self, admin: Client, recording: Recording) -> None:
        assert admin.get(f"{LIST}{recording.pk}/analyse-again/").status_code == 200
        assert Recording.objects.get().state == State.DONE
        assert (
            clerk("view_recording").post(f"{LIST}{recording.pk}/analyse-again/").status_code == 403
        )


class TestOverTime:
    def test_it_compares_the_sessions_of_one_patient_of_one_owner(
        self, admin: Client, recording: Recording, staff: Any
    ) -> None:
        for number, owner_id in enumerate((recording.owner_id, staff.pk)):
            other = Recording.objects.get(pk=recording.pk)
            other.pk, other._state.adding = Recording._meta.pk.get_default(), True
            other.object_path, other.owner_id = f"P039/P039S01{number}/x.c3d", owner_id
            other.session_code = f"P039S01{number}"
            other.save()
        page = html(admin, address(recording, "over-time"))
        assert "P039S003" in page
        assert "P039S010" in page
        assert "P039S011" not in page
        assert "target 70" in page

    def test_it_shows_nothing_to_compare(self, admin: Client, recording: Recording) -> None:
        Recording.objects.update(patient_code="")
        assert "names no patient" in html(admin, address(recording, "over-time"))


class TestProfiles:
    def given(self, profile: ScoringProfile, **changed: Any) -> dict[str, Any]:
        fields = (field for field in profile._meta.fields if field.name not in ("id", "updated_at"))
        values = {field.name: getattr(profile, field.name) for field in fields}
        values["effort_points"] = "20, 20, 60, 80, 100, 100, 100, 80, 60, 20, 20"
        values.pop("is_default")
        return {**values, **changed}

    def test_it_lists_the_profiles(self, admin: Client, recording: Recording) -> None:
        shown = html(admin, PROFILES)
        assert "GHOSTLY+ defaults" in shown
        assert "compliance 50 %" in shown

    def test_it_makes_another_one_the_default(self, admin: Client, recording: Recording) -> None:
        old = ScoringProfile.objects.get()
        form = self.given(old, name="Clinic", is_default="on", effort_points="50;" * 10 + "50")
        assert admin.post(f"{PROFILES}add/", form).status_code == 302
        new = ScoringProfile.objects.get(is_default=True)
        assert (new.name, new.effort_points) == ("Clinic", [50.0] * 11)

    @pytest.mark.parametrize(
        "changed",
        [
            {"effort_points": "1, 2, 3"},
            {"effort_points": "a"},
            {"weight_compliance": "0", "weight_symmetry": "0", "weight_effort": "0"},
            {"bfr_low_percent": "60"},
            {"expected_contractions": "0"},
        ],
    )
    def test_it_refuses_nonsense(
        self, admin: Client, recording: Recording, changed: dict[str, str]
    ) -> None:
        old = ScoringProfile.objects.get()
        answer = admin.post(f"{PROFILES}{old.pk}/change/", self.given(old, **changed))
        assert answer.status_code == 200
        assert "error" in answer.content.decode()

    def test_it_keeps_the_default(self, admin: Client, recording: Recording) -> None:
        old = ScoringProfile.objects.get()
        assert admin.post(f"{PROFILES}{old.pk}/delete/", {"post": "yes"}).status_code == 403


class TestOwner:
    def of(self, user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    def paths(self, recording: Recording) -> list[str]:
        kinds = ("view", "over-time", "picture?channel=CH1+Raw", "file")
        return [f"/emg/sessions/{recording.session_id}/{kind}" for kind in kinds]

    def test_it_shows_the_owner_what_is_theirs(self, owner: Any, recording: Recording) -> None:
        client = self.of(owner)
        for path in self.paths(recording):
            assert client.get(path).status_code == 200, path
        page = html(client, self.paths(recording)[0])
        assert "Session score" in page
        assert "/admin/" not in page

    def test_it_shows_it_to_nobody_else(self, recording: Recording) -> None:
        stranger = get_user_model().objects.create_user("sam@example.org", "a long passphrase")
        for path in self.paths(recording):
            assert self.of(stranger).get(path).status_code == 404
            assert Client().get(path).status_code == 302
            assert self.of(recording.owner).post(path).status_code == 405

    def test_it_has_the_colours_that_the_policy_lets_in(
        self, owner: Any, recording: Recording
    ) -> None:
        style = r'<style id="unfold-theme-colors">(.*?)</style>'
        own = re.search(style, html(self.of(owner), self.paths(recording)[0]), re.DOTALL)
        admins = re.search(style, Client().get("/admin/login/").content.decode(), re.DOTALL)
        assert own is not None
        assert admins is not None
        assert own[1] == admins[1]
