"""Recordings in the admin, until they have pages of their own."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from emg.models import Recording
from omibackend.core.leased import State
from tests.conftest import payload, work
from tests.emg.uploads import Bucket, emg_file

LIST = "/admin/emg/recording/"


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    bucket.put(emg_file())
    bucket.tell(payload("storage/plain__object"))
    work("inbox", "emg")
    return Recording.objects.get()


@pytest.mark.parametrize("term", ["", "P039", "p039s003", "{id}", "{session_id}"])
def test_it_finds_a_recording(admin: Client, recording: Recording, term: str) -> None:
    wanted = term.format(id=recording.pk, session_id=recording.session_id)
    assert recording.session_id in admin.get(LIST, {"q": wanted}).content.decode()


@pytest.mark.parametrize("term", ["P040", "39"])
def test_it_finds_no_other(admin: Client, recording: Recording, term: str) -> None:
    assert recording.session_id not in admin.get(LIST, {"q": term}).content.decode()


def test_it_scores_again_when_a_therapist_saves(admin: Client, recording: Recording) -> None:
    page = f"{LIST}{recording.pk}/change/"
    assert admin.get(page).status_code == 200
    form = {"rpe": "6", "targets": '{"*": {"contractions": 3}}', "sides": "{}"}
    assert admin.post(page, form).status_code == 302
    saved = Recording.objects.get()
    assert (saved.scores or {})["effort"] == 100
    assert (saved.scores or {})["left"]["completion"] == 1


def test_it_analyses_again(admin: Client, recording: Recording) -> None:
    chosen = {"action": "reanalyse", "_selected_action": [str(recording.pk)]}
    assert admin.post(LIST, chosen).status_code == 302
    assert Recording.objects.get().state == State.PENDING


def test_it_shows_nothing_to_staff_without_the_right(recording: Recording) -> None:
    clerk = get_user_model().objects.create_user("clerk@example.org", "x", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get(LIST).status_code == 403


@pytest.mark.parametrize("filters", [{"status": "waiting"}, {"status": "failed"}])
def test_it_filters(admin: Client, recording: Recording, filters: dict[str, str]) -> None:
    assert recording.session_id not in admin.get(LIST, filters).content.decode()


def test_it_lists_the_profiles(admin: Client, recording: Recording) -> None:
    shown = admin.get("/admin/emg/scoringprofile/").content.decode()
    assert "GHOSTLY+ defaults" in shown
