"""What the API's description shows is what the API takes and answers."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from memories.models import Memory
from tests.api.shown import Shown
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import Bucket
from tests.sender import Sender
from webhooks.providers.omi import links

SHOWN, STORAGE = Shown("webhooks.api"), Shown("webhooks.providers.storage")
Api = Callable[..., APIClient]


@pytest.fixture
def client(owner: Any, api: Api) -> APIClient:
    client = api(owner)
    client.default_format = "json"
    return client


def test_endpoints_are_made_and_changed_as_shown(client: APIClient) -> None:
    wanted = SHOWN.sent("endpoints_create")
    made = SHOWN.answered("endpoints_create", client.post("/endpoints", wanted), 201)
    here = f"/endpoints/{made['id']}"
    SHOWN.answered("endpoints_read", client.get("/endpoints"))
    SHOWN.answered("endpoints_read", client.get(here))
    changed = client.patch(here, SHOWN.sent("endpoints_change"))
    assert SHOWN.answered("endpoints_read", changed)["enabled"] is False
    rotated = client.post(f"{here}/rotate", SHOWN.sent("endpoints_rotate"))
    assert SHOWN.answered("endpoints_rotate", rotated)["old_token_accepted"] is True


def test_a_wearable_is_linked_as_shown(
    client: APIClient, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    SHOWN.answered("link_omi_start", client.post("/link/omi/start", {}))
    wanted = SHOWN.sent("link_omi_confirm")
    monkeypatch.setattr("secrets.randbelow", lambda _: int(wanted["code"]))
    links.start(user_id=owner.pk, uid=SHOWN.sent("link_omi_start")["uid"])
    SHOWN.answered("link_omi_confirm", client.post("/link/omi/confirm", wanted))
    SHOWN.answered("link_omi_read", client.get("/link/omi"))


def test_a_memory_is_traced_as_shown(client: APIClient, omi: Sender) -> None:
    omi.post(payload("omi/memory_created__full"))
    work()
    SHOWN.answered("memories_trace", client.get(f"/memories/{Memory.objects.get().pk}/trace"))


def test_a_file_is_told_of_as_shown(bucket: Bucket) -> None:
    wanted = STORAGE.sent("c3d_upload_optimized")
    bucket.put(emg_file(), path=wanted["object_path"], bucket=wanted["bucket"])
    told = STORAGE.answered("c3d_upload_optimized", bucket.tell(wanted))
    work("inbox", "emg")
    client, token = bucket.sender.client, bucket.sender.token
    status = f"/webhooks/storage/status/{told['session_id']}"
    headers = {"X-Webhook-Token": token}
    STORAGE.answered("storage_status", client.get(status, headers=headers))
    waited = bucket.tell(STORAGE.sent("c3d_upload"), path="/storage/c3d-upload").json()
    assert waited["session_id"] == told["session_id"]
