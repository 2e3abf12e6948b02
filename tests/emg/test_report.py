"""A session as CSV and as PDF."""

import csv
import re
import zlib
from base64 import a85decode
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from emg.models import Recording
from emg.report.content import NOTICE
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket

PLAIN = payload("storage/plain__object")


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    bucket.put(emg_file())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    return Recording.objects.get()


@pytest.fixture
def client(api: Callable[..., APIClient], owner: Any) -> APIClient:
    return api(owner)


def report(client: APIClient, recording: Recording, kind: str) -> Any:
    response = client.get(f"/emg/sessions/{recording.pk}/report", {"format": kind})
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Disposition"].endswith(f'emg-{recording.pk}.{kind}"')
    return response


def rows(client: APIClient, recording: Recording) -> list[list[str]]:
    text = report(client, recording, "csv").content.decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))


def after(found: list[list[str]], title: str) -> list[list[str]]:
    """The rows of one table, its columns first."""
    start = found.index([title]) + 1
    return found[start : found.index([], start)]


def pages(pdf: bytes) -> str:
    """What is drawn on all pages, as the operators of the format."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    return "".join(
        zlib.decompress(a85decode(b"<~" + each.strip(), adobe=True)).decode("latin-1")
        for each in streams
    )


class TestCSV:
    def test_it_has_score_sides_contractions_and_flags(
        self, client: APIClient, recording: Recording
    ) -> None:
        found = rows(client, recording)
        scores, analytics = recording.scores or {}, recording.analytics or {}
        assert ["Overall", str(scores["overall"])] in after(found, "Score")
        columns, left, right = after(found, "Channels")
        side = dict(zip(columns, left, strict=True))
        assert (side["Side"], side["Channel"], side["Unit"]) == ("left", "CH1 Raw", "µV")
        assert float(side["RMS"]) == pytest.approx(analytics["CH1 Raw"]["rms"] * 1e6, rel=1e-5)
        assert (side["Contractions"], side["MVC is"]) == ("3", "estimated")
        assert right[:2] == ["right", "CH2 Raw"]
        assert len(after(found, "Contractions")) == 1 + 6
        flags = after(found, "Quality")
        assert ["CH1 Raw", "MVC estimated from this recording", "Shares of MVC are relative."] in (
            flags
        )
        assert found[-1] == [NOTICE]

    def test_no_spreadsheet_runs_it(self, client: APIClient, recording: Recording) -> None:
        Recording.objects.update(session_id='=cmd|"/c calc"!A1', patient_code="+1")
        found = after(rows(client, recording), "Session")
        assert ["Session", '\'=cmd|"/c calc"!A1'] in found
        assert ["Patient", "'+1"] in found

    def test_a_falling_frequency_stays_a_number(
        self, client: APIClient, recording: Recording
    ) -> None:
        analytics = recording.analytics or {}
        slope = {"per_minute": -4.5, "percent_per_minute": None}
        analytics["CH1 Raw"]["fatigue"] = {"mdf": slope}
        Recording.objects.update(analytics=analytics)
        assert after(rows(client, recording), "Channels")[1][-1] == "-4.5"

    def test_it_says_when_there_is_nothing_yet(self, client: APIClient, bucket: Bucket) -> None:
        bucket.put(emg_file())
        bucket.tell(PLAIN)
        work("inbox")
        found = rows(client, Recording.objects.get())
        assert ["Status", "pending. Waiting for a worker."] in after(found, "Session")
        assert after(found, "Score")[-1] == ["Not scored."]
        assert after(found, "Channels")[-1] == ["Not analysed."]


class TestPDF:
    def test_it_has_words_and_plots(self, client: APIClient, recording: Recording) -> None:
        response = report(client, recording, "pdf")
        assert response["Content-Type"] == "application/pdf"
        assert response.content.startswith(b"%PDF-")
        drawn = pages(response.content)
        for words in ("Overall", "CH1 Raw", "CH2 Raw", "estimated", "clinically validated"):
            assert words in drawn
        assert "\\265V" in drawn or "µV" in drawn
        assert drawn.count(" l ") + drawn.count(" l\n") > 2000  # the lines of two plots
        assert b"/Subtype /Image" not in response.content

    def test_it_draws_no_signal_for_who_may_see_none(
        self, api: Callable[..., APIClient], recording: Recording
    ) -> None:
        helper = get_user_model().objects.create_user(
            "help@example.org", "a long passphrase too", is_staff=True
        )
        helper.user_permissions.add(Permission.objects.get(codename="view_recording"))
        drawn = pages(report(api(helper), recording, "pdf").content)
        assert "Overall" in drawn
        assert drawn.count(" l ") + drawn.count(" l\n") < 500

    def test_it_goes_without_the_file(
        self, client: APIClient, recording: Recording, bucket: Bucket
    ) -> None:
        (bucket.root / BUCKET / PATH).unlink()
        drawn = pages(report(client, recording, "pdf").content)
        assert "The file is not in the store." in drawn
        assert "Overall" in drawn

    def test_names_are_no_markup(self, client: APIClient, recording: Recording) -> None:
        Recording.objects.update(session_id="<b>a</b> & <para> 名前")
        drawn = pages(report(client, recording, "pdf").content)
        assert "<b>a</b> & <para> ??" in drawn

    def test_it_holds_eight_channels_of_many_contractions(
        self, client: APIClient, recording: Recording
    ) -> None:
        one = (recording.analytics or {})["CH1 Raw"]
        many = {**one, "contractions": one["contractions"] * 40}
        Recording.objects.update(analytics={f"CH{number} Raw": many for number in range(1, 9)})
        found = report(client, recording, "pdf").content
        assert found.count(b"/Type /Page\n") > 15
        assert len(found) < 2_000_000


def test_it_writes_nothing_else(client: APIClient, recording: Recording) -> None:
    for kind in ("xml", "", "PDF", "\x00"):
        response = client.get(f"/emg/sessions/{recording.pk}/report", {"format": kind})
        assert response.status_code == 400
        assert response.json()["errors"][0]["attr"] == "format"
