"""Recordings in an S3-compatible store: a real server process, moto's, and the real client."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from emg import storage
from emg.models import Recording
from emg.storage import NotThere, ObjectName, StoreAway, s3
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket

pytest.importorskip("moto")
boto3 = pytest.importorskip("boto3")
PLAIN = payload("storage/plain__object")
KEYS = {"access_key": "access", "secret_key": "secret-of-the-store"}
NAME = ObjectName(BUCKET, PATH)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while not _answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def options(url: str) -> dict[str, Any]:
    return {
        **KEYS,
        "endpoint_url": url,
        "region_name": "us-east-1",
        "addressing_style": "path",
        "signature_version": "s3v4",
    }


@pytest.fixture
def s3_bucket(bucket: Bucket, address: str, settings: Settings) -> Iterator[Any]:
    """The client that uploads; recordings are read from there too."""
    _use(settings, address)
    client = boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="access",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()
    httpx.post(f"{address}/moto-api/reset")
    s3.client.cache_clear()


def _use(settings: Settings, url: str) -> None:
    s3.client.cache_clear()
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options(url)}
    settings.STORAGES = {**settings.STORAGES, "recordings": backend}


def test_it_answers_with_the_metadata_and_analyses(bucket: Bucket, s3_bucket: Any) -> None:
    content = emg_file().encoded()
    s3_bucket.put_object(Bucket=BUCKET, Key=PATH, Body=content)
    answer = bucket.tell(PLAIN).json()
    assert answer["metadata"]["sampling_rate"] == 1000.0
    assert answer["metadata"]["file_size_bytes"] == len(content)
    work("inbox", "emg")
    recording = Recording.objects.get()
    assert recording.sha256 == hashlib.sha256(content).hexdigest()
    assert recording.etag == hashlib.md5(content, usedforsecurity=False).hexdigest()
    assert recording.state == State.DONE


def test_it_waits_for_an_object_that_comes_later(bucket: Bucket, s3_bucket: Any) -> None:
    assert bucket.tell(PLAIN).json()["metadata"] is None
    work("inbox", "emg")
    assert "not in the store (yet)" in Recording.objects.get().last_error
    s3_bucket.put_object(Bucket=BUCKET, Key=PATH, Body=emg_file().encoded())
    Recording.objects.update(next_attempt_at=Now())
    work("emg")
    recording = Recording.objects.get()
    assert (recording.state, recording.attempts) == (State.DONE, 2)


def test_it_reads_just_the_version_that_was_told_of(bucket: Bucket, s3_bucket: Any) -> None:
    s3_bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    contents = [emg_file(seed=seed).encoded() for seed in (1, 2)]
    for content in contents:
        put = s3_bucket.put_object(Bucket=BUCKET, Key=PATH, Body=content)
        item = {"key": PATH, "versionId": put["VersionId"], "eTag": put["ETag"]}
        told = {"bucket": {"name": BUCKET}, "object": item}
        bucket.tell({"Records": [{"eventName": "ObjectCreated:Put", "s3": told}]})
    work("inbox", "emg")
    found = Recording.objects.order_by("id").values_list("sha256", flat=True)
    assert list(found) == [hashlib.sha256(content).hexdigest() for content in contents]


def test_it_takes_the_first_message_for_the_same_as_the_second(
    bucket: Bucket, s3_bucket: Any
) -> None:
    """Told by hand and analysed, then by the store: the ETag says that it is the same."""
    put = s3_bucket.put_object(Bucket=BUCKET, Key=PATH, Body=emg_file().encoded())
    bucket.tell(PLAIN)
    work("inbox", "emg")
    told = {"bucket": {"name": BUCKET}, "object": {"key": PATH, "eTag": put["ETag"].strip('"')}}
    bucket.tell({"Records": [{"eventName": "ObjectCreated:Put", "s3": told}]})
    work("inbox", "emg")
    assert Recording.objects.get().object_version == put["ETag"].strip('"')


def test_it_reads_a_few_blocks_for_the_metadata(bucket: Bucket, s3_bucket: Any) -> None:
    content = emg_file(seconds=60).encoded()
    s3_bucket.put_object(Bucket=BUCKET, Key=PATH, Body=content)
    with storage.store(quick=True).open(NAME) as file:
        file.seek(512)
        assert file.read(1024) == content[512:1536]
        file.seek(len(content) - 3)
        assert file.read(100) == content[-3:]
        assert file.read(100) == b""


def test_it_lists_what_is_there(bucket: Bucket, s3_bucket: Any) -> None:
    for key in (PATH, "P040/other.c3d"):
        s3_bucket.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    listed = list(storage.store().names(BUCKET, "P040/"))
    assert [(item.path, item.found.size_bytes) for item in listed] == [("P040/other.c3d", 1)]


def test_it_removes_for_good(bucket: Bucket, s3_bucket: Any) -> None:
    s3_bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in (PATH, PATH, f"{PATH}.bak"):
        s3_bucket.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    for _ in range(2):
        storage.store().remove(NAME)
    with pytest.raises(NotThere):
        storage.store().find(NAME)
    left = s3_bucket.list_object_versions(Bucket=BUCKET)
    assert [version["Key"] for version in left["Versions"]] == [f"{PATH}.bak"]


def test_it_says_what_is_not_there(bucket: Bucket, s3_bucket: Any) -> None:
    for name in (NAME, ObjectName("no-such-bucket", PATH)):
        with pytest.raises(NotThere):
            storage.store().find(name)


def test_it_costs_the_answer_little_when_the_store_hangs(
    bucket: Bucket, settings: Settings
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        _use(settings, f"http://127.0.0.1:{deaf.getsockname()[1]}")
        with pytest.raises(StoreAway):
            storage.store(quick=True).find(NAME)
        began_at = time.monotonic()
        assert bucket.tell(PLAIN).json()["metadata"] is None
        assert time.monotonic() - began_at < 10  # the library itself waits for a minute
        deaf.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                deaf.accept()[0].close()
        assert bucket.tell(PLAIN).status_code == 200
        with pytest.raises(BlockingIOError):  # nobody even asked
            deaf.accept()
    s3.client.cache_clear()


@pytest.mark.parametrize("name", ["STORAGE_S3_ENDPOINT_URL", "STORAGE_S3_ACCESS_KEY"])
def test_it_is_used_once_one_of_its_settings_is_there(name: str, tmp_path: Path) -> None:
    told = "from django.conf import settings; import json; print(json.dumps(settings.STORAGES))"
    value = "https://s3.example.org" if name.endswith("URL") else "key"
    done = subprocess.run(
        [sys.executable, "-c", told],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "omibackend.settings", name: value},
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)["recordings"]
    assert found["BACKEND"] == "storages.backends.s3.S3Storage"
    assert found["OPTIONS"]["signature_version"] == "s3v4"
