"""Everything about a person as a zip."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from rest_framework.test import APIClient

from memories.models import Memory
from omibackend.accounts.models import Export, User
from omibackend.accounts.privacy import export, jobs
from omibackend.core import manifest
from omibackend.core.work import leased, registry
from omibackend.ops import retention
from tests.accounts.canaries import with_photo
from tests.conftest import payload, work
from tests.sender import Sender

pytestmark = pytest.mark.django_db
Api = Callable[..., APIClient]


@pytest.fixture(autouse=True)
def _media(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def taken(client: APIClient) -> ZipFile:
    """Asked for, made, and downloaded."""
    client.get("/account/export")
    work("accounts")
    return downloaded(client)


def downloaded(client: APIClient) -> ZipFile:
    answer = client.get("/account/export")
    assert answer.status_code == 200
    return ZipFile(io.BytesIO(answer.getvalue()))


def test_it_is_begun_by_the_first_request_and_waited_for(owner: Any, api: Api) -> None:
    client = api(owner)
    first = client.get("/account/export", headers={"Accept": "application/zip"})
    assert first.status_code == 202
    assert first.headers["Retry-After"] == "2"
    assert (first.json()["state"], first.json()["progress"]) == ("waiting", 0)
    again = client.get("/account/export").json()
    assert again == first.json()
    work("accounts")
    ready = client.get("/account/export")
    assert ready.status_code == 200
    assert ready.headers["Content-Type"] == "application/zip"
    assert ready.headers["Content-Disposition"] == 'attachment; filename="omibackend-export.zip"'
    assert ready.headers["Cache-Control"] == "private, no-store"
    assert ready.getvalue().startswith(b"PK")


def test_it_holds_every_kind_of_row_as_json_and_csv(omi: Sender, api: Api) -> None:
    memory = with_photo()
    omi.post(memory)
    omi.post({"segments": [{"text": "Hey Omi, what is due?", "start": 1, "end": 2}]})
    work()
    zipped = taken(api(omi.endpoint.owner))
    names = zipped.namelist()
    for data in manifest.personal_data():
        for table in (table for table in data.tables if table.columns):
            rows = json.loads(zipped.read(f"{data.app}/{table.name}.json"))
            sheet = zipped.read(f"{data.app}/{table.name}.csv").decode()
            assert len(list(csv.DictReader(io.StringIO(sheet)))) == len(rows), table.name
    (kept,) = json.loads(zipped.read("memories/memories.json"))
    assert kept["title"] == memory["structured"]["title"]
    assert json.loads(zipped.read("conversations/segments.json"))[-1]["text"]
    assert json.loads(zipped.read("account/account.json"))[0]["email"] == "nadia@example.org"
    bodies = [json.loads(zipped.read(name)) for name in names if name.startswith("deliveries/")]
    assert memory in bodies
    assert [name for name in names if name.startswith("photos/")]


def test_it_holds_no_secret_and_nobody_elses(omi: Sender, api: Api) -> None:
    stranger = User.objects.create_user("sarah@example.org")
    Memory.objects.create(owner=stranger, kind="note", text="hers", occurred_at=Now())
    omi.endpoint.secret = "whsec_the-signing-secret"
    omi.endpoint.save()
    omi.post(payload("omi/memory_created__full"))
    work()
    zipped = taken(api(omi.endpoint.owner))
    everything = b" ".join(zipped.read(name) for name in zipped.namelist())
    for secret in (b"whsec_", omi.token.encode(), omi.endpoint.token_hash.encode(), b"argon2"):
        assert secret not in everything
    assert b"sarah@example.org" not in everything
    assert b"hers" not in zipped.read("memories/memories.json")


def test_it_lives_a_day(owner: Any, api: Api) -> None:
    client = api(owner)
    taken(client)
    (name,) = Export.objects.values_list("file", flat=True)
    Export.objects.update(expires_at=Now())
    assert client.get("/account/export").status_code == 202
    work("accounts")
    assert not default_storage.exists(name)
    Export.objects.update(expires_at=Now())
    assert retention.prune()["exports"] == 1
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.zip"))


def test_it_is_made_afresh_when_asked(owner: Any, api: Api) -> None:
    client = api(owner)
    taken(client)
    Memory.objects.create(owner=owner, kind="note", text="Newer", occurred_at=Now())
    assert client.post("/account/export").status_code == 202
    work("accounts")
    assert b"Newer" in downloaded(client).read("memories/memories.json")


def test_it_begins_anew_when_its_file_is_gone(owner: Any, api: Api) -> None:
    client = api(owner)
    taken(client)
    default_storage.delete(Export.objects.get().file)
    assert client.get("/account/export").status_code == 202


def test_it_says_that_it_failed_and_can_be_asked_again(owner: Any, api: Api) -> None:
    client = api(owner)
    client.get("/account/export")
    Export.objects.update(state="dead")
    assert client.get("/account/export").json()["state"] == "failed"
    assert client.post("/account/export").json()["state"] == "waiting"


def test_it_shows_how_far_it_is(owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        Memory.objects.create(owner=owner, kind="note", text=str(number), occurred_at=Now())
    monkeypatch.setattr(export, "AT_ONCE", 1)
    seen: list[int] = []
    export.build(owner.pk, io.BytesIO(), seen.append)
    assert seen == sorted(seen)
    assert len(set(seen)) >= 3


def test_it_stops_when_another_worker_has_it(owner: Any, api: Api) -> None:
    api(owner).get("/account/export")
    kind = registry.work_types[Export]
    (late,) = leased.claim(kind, limit=1, fresh=True)
    Export.objects.update(lease_token=None, state="pending", attempts=0)
    with pytest.raises(leased.LostLease):
        jobs.prepare_export(late)


def test_it_is_for_the_person_alone(owner: Any, api: Api) -> None:
    assert api(owner, ["read", "write"]).get("/account/export").status_code == 403
    assert api().get("/account/export").status_code == 401
    taken(api(owner))
    stranger = User.objects.create_user("sarah@example.org")
    assert api(stranger).get("/account/export").status_code == 202
