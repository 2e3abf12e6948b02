"""Which dialect of its sender a request is read in, and what an endpoint may set about it."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pydantic import SecretStr
from pytest_django import Settings

from emg.models import Recording
from omibackend.core.errors import Refused
from tests.conftest import payload, work
from tests.emg.uploads import BUCKET, PATH, Bucket
from tests.sender import Sender
from webhooks.inbox import authentication, endpoints
from webhooks.inbox.provider import SenderSettings
from webhooks.inbox.receiver import read, receive, store_own
from webhooks.models import Delivery, Endpoint
from webhooks.providers.omi import OMI
from webhooks.providers.storage import STORAGE

PLAIN = payload("storage/plain__object")
S3 = payload("storage/s3__created")


def set_up(told: Bucket, /, **settings: str) -> None:
    endpoints.change(told.sender.endpoint, {"settings": settings}, STORAGE.settings)
    authentication.cache.clear()


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("plain__object", "plain"),
        ("supabase__delete", "supabase"),
        ("supabase__insert", "supabase"),
        ("s3__created", "s3"),
        ("s3__test", "s3"),
        ("minio__created", "minio"),
    ],
)
def test_it_knows_a_dialect_by_its_shape(bucket: Bucket, name: str, dialect: str) -> None:
    assert bucket.tell(payload(f"storage/{name}")).status_code == 200
    assert Delivery.objects.get().dialect == dialect


def test_it_reads_the_format_that_the_address_names(bucket: Bucket) -> None:
    address = f"/webhooks/storage/{bucket.sender.token}/"
    both = {**S3, **PLAIN}
    for name in ("plain", "minio"):
        answer = bucket.sender.post_to(address, both, query={"format": name})
        assert answer.status_code == 200
    assert [row.dialect for row in bucket.sender.deliveries()] == ["plain", "minio"]
    unknown = bucket.sender.post_to(address, PLAIN, query={"format": "fax"})
    assert refusal(unknown) == (400, "unknown_format")
    other = bucket.sender.post_to(address, PLAIN, query={"format": "supabase"})
    assert refusal(other) == (400, "unrecognised")


def test_it_reads_only_the_format_that_the_endpoint_pins(bucket: Bucket) -> None:
    set_up(bucket, format="s3")
    assert bucket.tell(S3).status_code == 200
    assert refusal(bucket.tell(PLAIN)) == (400, "unrecognised")
    named = bucket.sender.post(PLAIN, query={"format": "plain"})
    assert refusal(named) == (400, "unrecognised")


def test_it_works_a_delivery_in_the_dialect_that_it_came_in(bucket: Bucket) -> None:
    bucket.tell(PLAIN)
    set_up(bucket, format="s3")
    Recording.objects.all().delete()
    work("inbox")
    assert Recording.objects.get().object_path == PATH


def test_it_takes_the_bucket_that_the_endpoint_sets(bucket: Bucket) -> None:
    line = {"object_path": PATH}
    assert refusal(bucket.tell(line)) == (400, "unrecognised")
    set_up(bucket, bucket=BUCKET)
    assert bucket.tell(line).status_code == 200
    work("inbox")
    assert Recording.objects.get().bucket == BUCKET


@pytest.mark.parametrize("wrong", [{"format": "fax"}, {"bucket": 7}, {"colour": "red"}])
def test_it_sets_nothing_that_the_sender_does_not_know(bucket: Bucket, wrong: Any) -> None:
    with pytest.raises(Refused) as caught:
        endpoints.change(bucket.sender.endpoint, {"settings": wrong}, STORAGE.settings)
    assert caught.value.attr == "settings"
    assert Endpoint.objects.get().settings == {}


def test_it_forgets_settings_that_do_not_fit_any_more(bucket: Bucket) -> None:
    Endpoint.objects.update(settings={"colour": "red"})
    assert bucket.tell(PLAIN).status_code == 200


class Keyed(SenderSettings):
    key: SecretStr = SecretStr("")


def test_it_keeps_settings_encrypted_and_shows_no_secret(omi: Sender) -> None:
    endpoints.change(omi.endpoint, {"settings": {"key": "sesame-open"}}, Keyed)
    with connection.cursor() as cursor:
        cursor.execute("SELECT settings FROM webhooks_endpoint")
        assert "sesame" not in cursor.fetchone()[0]
    shown = endpoints.shown_settings(omi.endpoint, Keyed)
    assert "sesame" not in str(shown)
    endpoints.change(omi.endpoint, {"settings": shown}, Keyed)
    assert Endpoint.objects.get().settings == {"key": "sesame-open"}


def test_it_shows_and_changes_them_over_rest(bucket: Bucket, omi: Sender, api: Any) -> None:
    client = api(bucket.sender.endpoint.owner)
    address = f"/endpoints/{bucket.sender.endpoint.pk}"
    answer = client.patch(address, {"settings": {"format": "s3"}}, format="json")
    assert answer.json()["settings"] == {"format": "s3"}
    wrong = client.patch(address, {"settings": {"format": "fax"}}, format="json")
    assert refusal(wrong) == (400, "invalid")
    none = client.patch(
        f"/endpoints/{omi.endpoint.pk}", {"settings": {"format": "s3"}}, format="json"
    )
    assert refusal(none) == (400, "invalid")
    assert client.get(address).json()["settings"] == {"format": "s3"}


def test_it_shows_and_changes_them_in_the_admin(bucket: Bucket, omi: Sender, staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    endpoint = bucket.sender.endpoint
    address = f"/admin/webhooks/endpoint/{endpoint.pk}/change/"
    form = {"name": "B", "owner": endpoint.owner_id, "policy": "token", "enabled": "on"}
    wrong = client.post(address, {**form, "settings": '{"format": "fax"}'})
    assert "format: Input should be" in wrong.content.decode()
    assert client.post(address, {**form, "settings": '{"format": "s3"}'}).status_code == 302
    assert Endpoint.objects.get(pk=endpoint.pk).settings == {"format": "s3"}
    other = client.get(f"/admin/webhooks/endpoint/{omi.endpoint.pk}/change/").content.decode()
    assert 'name="settings"' not in other


def test_it_shapes_the_refusal_of_what_was_proven(omi: Sender) -> None:
    spoken = replace(OMI.dialects[0], refuse=lambda refused: HttpResponse(refused.code, status=418))
    provider = replace(OMI, dialects=(spoken,))

    def post(token: str) -> HttpResponse:
        request = RequestFactory().post("/", b"{", content_type="application/json")
        return receive(request, provider, token)

    assert (post(omi.token).status_code, post(omi.token).content) == (418, b"malformed")
    assert post("x" * 43).status_code == 401


def test_it_knows_the_address_as_the_sender_called_it(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["omi.example.org"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    path = "/webhooks/omi/a-token/?uid=a%20b&x="
    headers = {"Host": "omi.example.org", "X-Forwarded-Proto": "https"}
    request = RequestFactory().post(path, {}, "application/json", headers=headers)
    assert read(request, OMI).url() == f"https://omi.example.org{path}"


def test_it_stores_what_it_fetched_itself_once(omi: Sender) -> None:
    body = b'{"segments": []}'
    first, again = (store_own(omi.endpoint, body, key="poll:1", provider=OMI) for _ in range(2))
    assert (first.fresh, again.fresh, again.id) == (True, False, first.id)
    (delivery,) = omi.deliveries()
    assert (delivery.raw(), delivery.dedup_key, delivery.dialect) == (body, "poll:1", "omi")
    with pytest.raises(Refused, match="realtime_transcript"):
        store_own(omi.endpoint, body, key="poll:2", provider=OMI, events=["memory_created"])
