"""What the API's description shows is what the API takes and answers."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from emg.models import Recording
from omibackend.core.api.examples import examples
from tests.api.examples import differences
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import Bucket

EXAMPLES = examples("emg.api")


@pytest.fixture
def recording(bucket: Bucket) -> Recording:
    bucket.put(emg_file())
    bucket.tell(payload("storage/plain__object"))
    work("inbox", "emg")
    return Recording.objects.get()


@pytest.fixture
def client(api: Callable[..., APIClient], owner: Any) -> APIClient:
    return api(owner)


def answers(client: APIClient, pk: object) -> dict[str, Any]:
    session = f"/emg/sessions/{pk}"
    return {
        "signal": client.get(f"/signals/{pk}/CH1 Raw?end=3&points=50").json(),
        "emg_sessions": client.get("/emg/sessions").json()["results"][0],
        "emg_session": client.get(session).json(),
        "emg_report": client.get(f"{session}/report?format=csv").content.decode("utf-8-sig"),
    }


def test_what_is_shown_is_taken_and_answered(client: APIClient, recording: Recording) -> None:
    (given,) = EXAMPLES["emg_rescore"]
    rescore = f"/emg/sessions/{recording.pk}/rescore"
    answer = client.post(rescore, given.value, format="json").json()
    assert {name: answer[name] for name in given.value} == given.value
    found = answers(client, recording.pk)
    for operation, shown in EXAMPLES.items():
        for example in filter(lambda example: example.response_only, shown):
            assert list(differences(example.value, found[operation], operation)) == []


def test_the_report_begins_as_shown(client: APIClient, recording: Recording) -> None:
    (shown,) = EXAMPLES["emg_report"]
    title, session = shown.value.splitlines()
    found = answers(client, recording.pk)["emg_report"].splitlines()
    assert [found[0], found[1].partition(",")[0]] == [title, session.partition(",")[0]]
