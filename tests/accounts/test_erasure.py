"""Erasing a person everywhere, for good."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from emg.models import Recording
from emg.storage import StoreAway, s3
from memories.models import Memory
from omibackend.accounts.models import Erased, Erasure, Preferences, Token, User
from omibackend.accounts.privacy import erasure, jobs
from omibackend.core.postgres.ids import uuid7
from omibackend.core.redis import soft_redis
from omibackend.core.work import draining, leased, registry
from tests.accounts.canaries import places, with_photo
from tests.accounts.erased import finish_erasures, one_pass
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket
from tests.sender import Sender
from webhooks.inbox import authentication
from webhooks.inbox.endpoints import create
from webhooks.models import Delivery, Endpoint, OmiLink
from webhooks.providers.omi import shared

pytestmark = pytest.mark.django_db(transaction=True)
Api = Callable[..., APIClient]
PASSWORD = "a long enough passphrase"
WORD, UID = "zanzibarquokka", "uid-of-the-quokka"
CANARIES = (WORD, UID, "nadia@example.org", "Nadia B.")


@pytest.fixture(autouse=True)
def _media(tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.LOG_DIR = tmp_path / "logs"


@pytest.fixture
def person(omi: Sender, staff: Any) -> Sender:
    """Somebody with a canary in every corner."""
    omi.uid = UID
    owner = omi.endpoint.owner
    User.objects.filter(pk=owner.pk).update(name="Nadia B.")
    Endpoint.objects.filter(pk=omi.endpoint.pk).update(name=f"Omi {WORD}")
    Preferences.objects.create(user=owner, activation_regex=WORD)
    Token.objects.create(owner, name=WORD, scopes=["read"])
    memory = with_photo()
    told = {"title": WORD, "overview": WORD, "action_items": [{"description": WORD}]}
    omi.post({**memory, "structured": {**memory["structured"], **told}})
    said = [f"{WORD}, where is my {WORD}?", f"I left the {WORD} at home."]
    for number, text in enumerate(said):
        spoken = {"text": text, "is_user": True, "start": number * 3, "end": number * 3 + 2}
        omi.post({"segments": [spoken]})
    omi.post({"segments": WORD})
    work()
    for row in (owner, omi.endpoint, Memory.objects.get()):
        LogEntry.objects.create(
            user=staff,
            content_type=ContentType.objects.get_for_model(row),
            object_id=str(row.pk),
            object_repr=f"{WORD} Nadia B.",
            action_flag=CHANGE,
        )
    Client().post("/auth/login", {"email": owner.email, "password": "wrong"})
    browser = Client()
    browser.force_login(owner)
    browser.get("/auth/me")
    clerk = Client()
    clerk.force_login(staff)
    clerk.get(reverse("admin:search"), {"s": WORD, "extended": "1"})
    return omi


def leave(client: APIClient, password: str = PASSWORD) -> Any:
    return client.delete("/account", {"password": password}, format="json")


def test_it_leaves_nothing_behind(person: Sender, api: Api) -> None:
    client = api(person.endpoint.owner)
    client.get("/account/export")
    work("accounts")
    assert client.get("/account/export").getvalue().startswith(b"PK")
    assert len(places(*CANARIES)) > 15
    old = json.dumps(payload("omi/memory_created__full") | {"id": WORD}).encode()
    assert leave(client).status_code == 202
    finish_erasures()
    assert places(*CANARIES) == set()
    call_command("replay_deliveries", "--all", stdout=None)
    authentication.cache.clear()
    assert person.post(old).status_code == 401
    work()
    assert places(*CANARIES) == set()


def test_it_removes_recordings_with_their_files(
    owner: Any, staff: Any, api: Api, bucket: Bucket
) -> None:
    mine, shared = f"P1/P1S1/{WORD}.c3d", "P1/P1S2/shared.c3d"
    for path in (mine, shared):
        bucket.put(emg_file(), path)
        bucket.tell({"bucket": BUCKET, "object_path": path})
    work("inbox", "emg")
    both = Recording.objects.get(object_path=shared)
    both.pk, both.owner = uuid7(), staff
    both.save(force_insert=True)
    leave(api(owner))
    finish_erasures()
    assert [row.owner for row in Recording.objects.all()] == [staff]
    assert [path.name for path in bucket.root.rglob("*.c3d")] == ["shared.c3d"]
    assert not (bucket.root / BUCKET / "P1" / "P1S1").exists()


def test_it_keeps_what_it_needs_while_the_store_is_away(
    owner: Any, api: Api, bucket: Bucket, settings: Any
) -> None:
    bucket.put(emg_file())
    bucket.tell({"bucket": BUCKET, "object_path": PATH})
    work("inbox", "emg")
    Memory.objects.create(owner=owner, kind="note", title=WORD, occurred_at=timezone.now())
    here = settings.STORAGES["recordings"]
    leave(api(owner))
    away = {"endpoint_url": "http://127.0.0.1:1", "access_key": "a", "secret_key": "b"}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": away}
    settings.STORAGES = {**settings.STORAGES, "recordings": backend}
    s3.client.cache_clear()
    with pytest.raises(StoreAway):
        erasure.erase(owner.pk, {}, until=float("inf"))
    assert Memory.objects.count() == 0
    assert Recording.objects.count() == User.objects.filter(pk=owner.pk).count() == 1
    settings.STORAGES = {**settings.STORAGES, "recordings": here}
    s3.client.cache_clear()
    finish_erasures()
    assert Recording.objects.count() == User.objects.filter(pk=owner.pk).count() == 0
    assert not list(bucket.root.rglob("*.c3d"))


def test_it_switches_the_account_off_at_once(person: Sender, api: Api) -> None:
    owner = person.endpoint.owner
    client, program, browser = api(owner), api(owner, ["read"]), Client()
    browser.force_login(owner)
    leave(client)
    assert [each.get("/auth/me").status_code for each in (client, program, browser)] == [401] * 3
    authentication.cache.clear()  # what three seconds do
    assert person.post({"segments": []}).status_code == 401
    body = {"email": owner.email, "password": PASSWORD}
    assert APIClient().post("/auth/login", body, format="json").status_code == 401


@pytest.mark.parametrize("body", [{"password": "wrong"}, {}])
def test_it_asks_for_the_password(owner: Any, api: Api, body: dict[str, str]) -> None:
    answer = api(owner).delete("/account", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "wrong_password")
    assert not Erasure.objects.exists()


def test_it_is_for_the_person_alone(owner: Any, api: Api) -> None:
    assert leave(api(owner, ["read", "write"])).status_code == 403
    assert leave(api()).status_code == 401


def test_it_leaves_everybody_else_alone(person: Sender, api: Api) -> None:
    other = User.objects.create_user("sarah@example.org", PASSWORD)
    hers = Sender(Client(), Endpoint(owner=other, provider="omi", name="Hers"), "")
    hers.token = str(create(hers.endpoint).token)
    hers.post(with_photo())
    work()
    leave(api(person.endpoint.owner))
    finish_erasures()
    (memory,) = Memory.objects.all()
    assert memory.owner == other
    (photo, *_) = memory.photos.exclude(file="")
    assert default_storage.exists(str(photo.file))
    assert hers.post({"segments": []}).status_code == 200


def test_it_erases_at_an_endpoint_that_many_share(owner: Any, staff: Any, api: Api) -> None:
    sarah = User.objects.create_user("sarah@example.org")
    OmiLink.objects.create(user=owner, uid=UID)
    OmiLink.objects.create(user=sarah, uid="hers")
    app = Endpoint(owner=staff, provider="omi", name="App", shared=True)
    token = str(create(app).token)
    for uid in (UID, "hers"):
        Sender(Client(), app, token, uid=uid).post(with_photo())
    work()
    leave(api(owner))
    finish_erasures()
    assert places(UID, "nadia@example.org") == set()
    assert Delivery.objects.get().person_id == Memory.objects.get().owner_id == sarah.pk
    shared.cache.clear()  # what three seconds do
    assert Sender(Client(), app, token, uid=UID).post(with_photo()).status_code == 200
    work()
    assert places(UID) == set()


def test_it_outlives_a_job_that_runs_meanwhile(person: Sender, api: Api) -> None:
    memory = payload("omi/memory_created__full") | {"id": "another"}
    person.post({**memory, "structured": {"title": WORD, "overview": WORD}})
    kind = registry.work_types[Delivery]
    (running,) = leased.claim(kind, limit=1, fresh=True)
    leave(api(person.endpoint.owner))
    one_pass()
    draining._work_one(kind, running)
    assert not Memory.objects.exists()
    finish_erasures()
    assert places(*CANARIES) == set()


def test_it_sweeps_up_what_a_late_worker_wrote(person: Sender, api: Api) -> None:
    owner_id = person.endpoint.owner_id
    leave(api(person.endpoint.owner))
    one_pass()
    for folder in ("photos", "_exports"):
        default_storage.save(f"{folder}/{owner_id}/late.zip", ContentFile(WORD.encode()))
    assert len(places(WORD)) == 2
    one_pass()
    assert places(WORD) == set()


def test_it_goes_on_after_a_death_in_the_middle(
    person: Sender, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(api(person.endpoint.owner))
    with monkeypatch.context() as patch:
        patch.setattr("webhooks.inbox.refusals.forget", lambda _: 1 / 0)
        one_pass()
    row = Erasure.objects.get()
    assert (row.state, row.attempts) == ("pending", 1)
    assert Erased.objects.exists()
    Erasure.objects.update(next_attempt_at=Now())
    with monkeypatch.context() as patch:
        patch.setattr("omibackend.accounts.privacy.jobs.ERASURE_BUDGET_S", -1)
        (held,) = leased.claim(registry.work_types[Erasure], limit=1, fresh=False)
        with pytest.raises(leased.Reschedule) as later:
            jobs.prepare_erasure(held)
        leased.release(held, later.value.at)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("pending", 1)
    assert User.objects.filter(pk=person.endpoint.owner_id).exists()
    finish_erasures()
    assert places(*CANARIES) == set()


def test_it_waits_for_redis(person: Sender, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(api(person.endpoint.owner))

    def away(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(soft_redis.client(), "delete", away)
        one_pass()
    assert Erasure.objects.get().state == "pending"
    finish_erasures()
    assert places(*CANARIES) == set()


def test_it_counts_and_names_nobody(person: Sender, api: Api) -> None:
    leave(api(person.endpoint.owner))
    finish_erasures()
    row = Erasure.objects.values().get()
    assert row["counts"]["memories"] == 1
    assert row["counts"]["account"] == 1
    assert not any(canary in str(row) for canary in CANARIES)


def test_it_knows_an_erased_uid_again(person: Sender, api: Api) -> None:
    assert not erasure.is_erased_uid(UID)
    leave(api(person.endpoint.owner))
    finish_erasures()
    assert erasure.is_erased_uid(UID)
    assert not erasure.is_erased_uid("another")


def test_it_knows_them_again_under_a_new_key(person: Sender, api: Api, settings: Any) -> None:
    leave(api(person.endpoint.owner))
    finish_erasures()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of more than thirty-two characters"
    assert erasure.is_erased_uid(UID)


def test_it_erases_again_whom_a_backup_brought_back(person: Sender, api: Api) -> None:
    before = User.objects.filter(pk=person.endpoint.owner_id).values().get()
    leave(api(person.endpoint.owner))
    finish_erasures()
    Erased.objects.all().delete()  # the backup is older than the erasure
    Erasure.objects.all().delete()
    User.objects.create(**before)
    User.objects.create_user("sarah@example.org")
    Memory.objects.create(
        owner_id=before["id"], kind="note", text=WORD, occurred_at=before["date_joined"]
    )
    assert erasure.reapply() == 1
    finish_erasures()
    assert places(*CANARIES) == set()
    assert {user.email for user in User.objects.all()} == {"staff@example.org", "sarah@example.org"}
    assert erasure.reapply() == 0


def test_it_takes_nobody_for_the_one_who_had_the_number_before(owner: Any, api: Api) -> None:
    leave(api(owner))
    finish_erasures()
    User.objects.create(pk=owner.pk, email="sarah@example.org")
    assert erasure.reapply() == 0


def test_it_can_be_done_by_the_operator(person: Sender, capsys: Any) -> None:
    call_command("erase", "NADIA@example.org", "--yes")
    finish_erasures()
    assert places(*CANARIES) == set()
    with pytest.raises(CommandError, match="no account"):
        call_command("erase", "nadia@example.org", "--yes")
    call_command("erase", "--again")
    assert "0 switched off" in capsys.readouterr().out


def test_it_lets_the_address_join_again(person: Sender, api: Api) -> None:
    leave(api(person.endpoint.owner))
    finish_erasures()
    body = {"email": "nadia@example.org", "password": "some words together"}
    APIClient().post("/auth/register", body, format="json")
    assert APIClient().post("/auth/login", body, format="json").status_code == 200
    assert erasure.reapply() == 0
