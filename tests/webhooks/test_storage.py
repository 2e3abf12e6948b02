"""What storage senders say, how they prove it, and what they are answered."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django import Settings

from emg.models import Recording
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket
from webhooks.inbox.endpoints import create
from webhooks.models import Delivery, Endpoint, Policy
from webhooks.providers.storage import responses

PLAIN = payload("storage/plain__object")
SUPABASE = payload("storage/supabase__insert")
S3 = payload("storage/s3__created")
MINIO = payload("storage/minio__created")


def code_of(response: Any) -> str:
    return str(response.json()["errors"][0]["code"])


@pytest.mark.parametrize(
    ("body", "path", "version"),
    [
        (SUPABASE, PATH, "0c6d5c0e-7f68-4b1d-8d8f-1f3b0b7e4a22"),
        (
            S3,
            "P039/session 1/Ghostly_Emg_20230321_17-23-09-0409.c3d",
            "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        ),
        (MINIO, "P039/P039S003/Ghostly_Emg.c3d", "9b0c2f8c7a6d5e4f3b2a190807f6e5d4"),
        (PLAIN, PATH, ""),
    ],
    ids=["supabase", "s3", "minio", "plain"],
)
def test_it_understands_each_sender(bucket: Bucket, body: Any, path: str, version: str) -> None:
    assert bucket.sender.post(body, query={}).status_code == 200
    work("inbox")
    recording = Recording.objects.get()
    assert (recording.bucket, recording.object_path) == (BUCKET, path)
    assert recording.object_version == version


def test_it_reads_the_version_that_s3_names(bucket: Bucket) -> None:
    bucket.tell(S3)
    recording = Recording.objects.get()
    assert recording.version_id == S3["Records"][0]["s3"]["object"]["versionId"]


def in_s3(**item: Any) -> Any:
    record = S3["Records"][0]
    event = item.pop("eventName", record["eventName"])
    changed = {**record["s3"], "object": {**record["s3"]["object"], **item}}
    return {"Records": [{**record, "eventName": event, "s3": changed}]}


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (payload("storage/supabase__delete"), "object_deleted"),
        (payload("storage/s3__test"), "test_event"),
        ({**SUPABASE, "table": "buckets"}, "other_table"),
        ({**SUPABASE, "type": "TRUNCATE"}, "other_event"),
        (in_s3(eventName="s3:ObjectRemoved:Delete"), "object_deleted"),
        (in_s3(eventName="s3:ObjectRestore:Post"), "other_event"),
        (in_s3(key="notes.txt"), "not_c3d"),
        ({"bucket": "elsewhere", "object_path": "a.c3d"}, "other_bucket"),
    ],
)
def test_it_stores_what_it_does_not_use_with_the_reason(
    bucket: Bucket, settings: Settings, body: Any, event: str
) -> None:
    settings.STORAGE_BUCKETS = [BUCKET]
    response = bucket.tell(body)
    assert response.status_code == 200
    assert response.json()["analytics_status"] == "ignored"
    assert response.json()["reason"].endswith(".")
    (delivery,) = Delivery.objects.all()
    assert (delivery.state, delivery.event) == (State.IGNORED, event)
    assert not Recording.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"hello": 1},
        {"bucket": 7, "object_path": "a.c3d"},
        {"bucket": BUCKET, "object_path": "a.c3d", "session_id": "../x"},
        {**SUPABASE, "record": None},
        {**SUPABASE, "record": {"name": "a.c3d"}},
        in_s3(key="%FF.c3d"),
        in_s3(key="..%2F..%2Fetc.c3d"),
        {"Records": S3["Records"] * 101},
    ],
)
def test_it_says_what_is_malformed(bucket: Bucket, body: Any) -> None:
    response = bucket.tell(body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["detail"]
    assert not Delivery.objects.exists()


def test_it_takes_every_object_of_a_notification(bucket: Bucket) -> None:
    first, second = in_s3(key="a.c3d"), in_s3(key="b.c3d")
    other = in_s3(key="c.txt")
    bucket.tell({"Records": first["Records"] + second["Records"] + other["Records"]})
    work("inbox")
    paths = Recording.objects.order_by("object_path").values_list("object_path", flat=True)
    assert list(paths) == ["a.c3d", "b.c3d"]
    (delivery,) = Delivery.objects.all()
    assert [item.change for item in delivery.effects] == ["created", "created"]


@pytest.mark.parametrize("body", [SUPABASE, S3, MINIO])
def test_it_knows_a_message_that_is_sent_again(bucket: Bucket, body: Any) -> None:
    first, again = bucket.tell(body).json(), bucket.tell(body).json()
    assert again.pop("duplicate") is True
    assert again == first
    assert Delivery.objects.count() == Recording.objects.count() == 1


def test_it_takes_minio_s_token_as_it_is(bucket: Bucket) -> None:
    response = bucket.tell(MINIO, headers={"Authorization": bucket.sender.token})
    assert response.status_code == 200


def test_it_answers_also_when_the_recording_cannot_be_made_now(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(emg_file())
    with monkeypatch.context() as patch:
        patch.delattr(responses, "register")
        answer = bucket.tell(PLAIN).json()
    assert answer["metadata"]["channel_count"] == 2
    work("inbox", "emg")
    assert bucket.status(answer["session_id"])["status"] == "completed"


class TestSecrets:
    secret = "whsec_of-a-trigger"

    @pytest.fixture(autouse=True, params=[Policy.BOTH, Policy.SIGNATURE])
    def _signed(self, bucket: Bucket, request: pytest.FixtureRequest) -> None:
        Endpoint.objects.filter(pk=bucket.sender.endpoint.pk).update(policy=request.param)
        bucket.sender.endpoint.refresh_from_db()
        bucket.sender.endpoint.secret = self.secret
        bucket.sender.endpoint.save()

    def offered(self, prefix: str = "") -> str:
        raw = json.dumps(PLAIN, ensure_ascii=False).encode()
        return prefix + hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()

    @pytest.mark.parametrize("header", ["X-Supabase-Signature", "X-Webhook-Secret"])
    def test_it_accepts_the_secret_itself_and_stores_it_nowhere(
        self, bucket: Bucket, header: str
    ) -> None:
        assert bucket.tell(PLAIN, headers={header: self.secret}).status_code == 200
        (delivery,) = Delivery.objects.all()
        assert delivery.signature == "valid"
        assert self.secret not in json.dumps(delivery.headers)

    @pytest.mark.parametrize("prefix", ["", "sha256="])
    def test_it_accepts_the_body_s_hmac(self, bucket: Bucket, prefix: str) -> None:
        headers = {"X-Supabase-Signature": self.offered(prefix)}
        assert bucket.tell(PLAIN, headers=headers).status_code == 200

    @pytest.mark.parametrize("offered", ["", "whsec_other", "sha256=00", "\u00e9"])
    def test_it_refuses_another(self, bucket: Bucket, offered: str) -> None:
        response = bucket.tell(PLAIN, headers={"X-Supabase-Signature": offered})
        assert (response.status_code, code_of(response)) == (401, "wrong_signature")
        assert not Delivery.objects.exists()

    def test_it_refuses_none(self, bucket: Bucket) -> None:
        assert code_of(bucket.tell(PLAIN)) == "no_signature"


class TestWaiting:
    path = "/storage/c3d-upload"

    def test_it_answers_with_the_analytics(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket.put(emg_file())
        monkeypatch.setattr(responses, "sleep", lambda _: work("inbox", "emg"))
        answer = bucket.tell(PLAIN, path=self.path).json()
        assert answer["analytics_status"] == "completed"
        assert answer["analytics"]["CH1 Raw"]["unit"] == "V"
        assert answer["metadata"]["file_hash"]

    def test_it_says_why_an_analysis_failed(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket.put(b"no C3D file")
        monkeypatch.setattr(responses, "sleep", lambda _: work("inbox", "emg"))
        response = bucket.tell(PLAIN, path=self.path)
        answer = response.json()
        assert (response.status_code, answer["success"]) == (200, False)
        assert answer["reason"] == "The file is not a C3D file."

    def test_it_answers_202_when_it_takes_too_long(
        self, bucket: Bucket, settings: Settings
    ) -> None:
        settings.REQUEST_TIMEOUT_MS = 1200
        bucket.put(emg_file())
        response = bucket.tell(PLAIN, path=self.path)
        assert response.status_code == 202
        assert response.json()["session_id"]

    def test_it_makes_no_more_than_a_few_wait(self, bucket: Bucket) -> None:
        held = 0
        while responses.WAITERS.acquire(blocking=False):
            held += 1
        try:
            assert bucket.tell(PLAIN, path=self.path).status_code == 202
        finally:
            responses.WAITERS.release(held)


class TestStatus:
    @pytest.fixture
    def session_id(self, bucket: Bucket) -> str:
        return str(bucket.tell(PLAIN).json()["session_id"])

    def address(self, session_id: str) -> str:
        return f"/webhooks/storage/status/{session_id}"

    def test_it_tells_the_owner_and_permitted_staff_and_nobody_else(
        self, bucket: Bucket, session_id: str, owner: Any, staff: Any, api: Any
    ) -> None:
        stranger = get_user_model().objects.create_user("eve@example.org", "a long passphrase")
        clerk = get_user_model().objects.create_user("clerk@example.org", "x", is_staff=True)
        address = self.address(session_id)
        assert api(owner).get(address).status_code == 200
        assert api(staff).get(address).status_code == 200
        assert api(owner, ["emg"]).get(address).status_code == 200
        assert api(owner, ["read"]).get(address).status_code == 403
        assert api(stranger).get(address).status_code == 404
        assert api(clerk).get(address).status_code == 404
        assert api().get(address).status_code == 401

    def test_it_tells_staff_who_are_logged_in(self, session_id: str, staff: Any) -> None:
        client = Client()
        client.force_login(staff)
        assert client.get(self.address(session_id) + "/").json()["status"] == "pending"

    def test_it_tells_no_other_endpoint(self, bucket: Bucket, session_id: str, staff: Any) -> None:
        endpoint = Endpoint(owner=staff, provider="storage", name="Another")
        token = str(create(endpoint).token)
        response = Client().get(self.address(session_id), headers={"X-Webhook-Token": token})
        assert response.status_code == 404
        offered = {"X-Webhook-Token": "x" * 43}
        client = Client()
        client.force_login(staff)
        assert client.get(self.address(session_id), headers=offered).status_code == 401
        assert bucket.status("nothing")["errors"][0]["code"] == "not_found"

    def test_it_is_found_by_its_own_id(self, bucket: Bucket, session_id: str) -> None:
        found = bucket.status(str(Recording.objects.get().pk))
        assert found["session_id"] == session_id
