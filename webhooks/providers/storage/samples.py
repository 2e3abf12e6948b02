"""A storage sender at work, for `up --demo` and the curl that `up` prints."""

from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from django.core.files.storage import FileSystemStorage, storages

from webhooks.inbox.provider import Sample

BUCKET = "c3d-demo"
PATH = "P000/P000S001/Demo_Emg_20260102_10-30-00.c3d"
ETAG = "2f9e0c6f6b2b3a0a0f8a5f5f3c0c9e11"


def first() -> Sample:
    """By hand, for a file that lies in MEDIA_ROOT/<bucket>/<object path>: a simulated one, put
    there now. Where recordings lie elsewhere, there is none."""
    folder = storages["recordings"]
    if isinstance(folder, FileSystemStorage):
        path = Path(folder.path(f"{BUCKET}/{PATH}"))
        if not path.exists():
            from emg.demo import write_recording  # scipy: at the first start only

            write_recording(path)
    return Sample({"bucket": BUCKET, "object_path": PATH}, {}, {})


def plain() -> list[Sample]:
    return [first()] if isinstance(storages["recordings"], FileSystemStorage) else []


def minio() -> list[Sample]:
    body = {"EventName": "s3:ObjectCreated:Put", "Key": f"{BUCKET}/{PATH}", **_notification()}
    return [Sample(body, {}, {})]


def s3() -> list[Sample]:
    return [Sample(_notification(), {}, {})]


def _notification() -> dict[str, Any]:
    item = {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(PATH), "eTag": ETAG}}
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": item}]}


def supabase() -> list[Sample]:
    record = {"bucket_id": BUCKET, "name": PATH, "metadata": {"eTag": ETAG}}
    body = {"type": "INSERT", "schema": "storage", "table": "objects", "record": record}
    return [Sample(body, {}, {})]
