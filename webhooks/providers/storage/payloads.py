"""What storage senders say, as one form: the objects that came, or why there is nothing to do."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from django.conf import settings
from pydantic import BeforeValidator, Field, ValidationError

from emg.recordings.registry import Announced
from emg.storage import BadName, ObjectName
from omibackend.core.errors import Refused, describe
from webhooks.inbox.provider import Payload, SenderSettings

MOST_RECORDS = 100
VERSION_CHARS = 200
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CREATED = "object_created"
WHY_NOT = {
    "object_deleted": "An object was deleted: what was analysed of it is kept.",
    "not_c3d": "The object is no .c3d file.",
    "other_bucket": "The bucket is none of STORAGE_BUCKETS.",
    "other_table": "The event is about another table than storage.objects.",
    "other_event": "The event is about no new object.",
    "test_event": "The notification is a test.",
}


@dataclass(frozen=True)
class StorageMessage:
    """`event` of a body without objects to take in is one of WHY_NOT."""

    event: str
    objects: tuple[Announced, ...] = ()
    # What tells this message from every other one; None: nothing does.
    key: str | None = None


class StorageSettings(SenderSettings):
    """`bucket` is that of a line which names none."""

    format: Literal["", "plain", "minio", "s3", "supabase"] = ""
    bucket: str = ""


def _short(value: Any) -> Any:
    return value[:VERSION_CHARS].replace("\x00", "") if isinstance(value, str) else ""


def _moment(value: Any) -> Any:
    try:
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


Short = Annotated[str, BeforeValidator(_short)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class SupabaseMetadata(Payload):
    etag: Short = Field("", alias="eTag")


class SupabaseRecord(Payload):
    bucket_id: str
    name: str
    version: Short = ""
    metadata: SupabaseMetadata | None = None
    created_at: Moment = None

    @property
    def says_version(self) -> bool:
        return bool(self.version or self.metadata)


class SupabaseEvent(Payload):
    type: Literal["INSERT", "UPDATE"]
    record: SupabaseRecord
    old_record: SupabaseRecord | None = None


class S3Bucket(Payload):
    name: str


class S3Object(Payload):
    key: str
    version_id: Short = Field("", alias="versionId")
    etag: Short = Field("", alias="eTag")
    sequencer: Short = ""


class S3Entity(Payload):
    bucket: S3Bucket
    object: S3Object


class S3Record(Payload):
    event_name: str = Field(alias="eventName")
    event_time: Moment = Field(None, alias="eventTime")
    s3: S3Entity


class Plain(Payload):
    bucket: str = ""
    object_path: str
    session_id: str | None = None


def unrecognised() -> Refused:
    return Refused(
        400,
        "unrecognised",
        "None of the storage payloads: expected `Records` (S3, MinIO), `type` and `table` "
        "(Supabase), or `bucket` and `object_path`.",
    )


def read(dialect: str, payload: Any, settings: StorageSettings) -> StorageMessage:
    """Raises Refused(400) for what no sender of this kind would send."""
    if not isinstance(payload, dict):
        raise Refused(400, "unrecognised", "Storage senders send a JSON object.")
    try:
        return READERS[dialect](payload, settings)
    except ValidationError as error:
        raise Refused(400, "malformed", describe(error)) from error
    except (BadName, UnicodeDecodeError) as error:
        said = str(error) if isinstance(error, BadName) else "An object's key is not UTF-8."
        raise Refused(400, "bad_name", said) from error


def plain(payload: dict[str, Any], settings: StorageSettings) -> StorageMessage:
    if "object_path" not in payload or not ("bucket" in payload or settings.bucket):
        raise unrecognised()
    found = Plain.model_validate(payload)
    session_id = found.session_id or ""
    if session_id and not SESSION_ID.fullmatch(session_id):
        raise Refused(
            400,
            "bad_session_id",
            "A session_id is 1 to 100 letters, digits, dots, dashes and underscores.",
            attr="session_id",
        )
    name = ObjectName.of(found.bucket or settings.bucket, found.object_path)
    return _wanted([Announced(name, session_id=session_id)])


def supabase(payload: dict[str, Any], _: StorageSettings) -> StorageMessage:
    """INSERT comes before the object can be read, without `metadata`; UPDATE has it. A message
    is also sent for an object that is deleted."""
    if not {"type", "table"} <= payload.keys():
        raise unrecognised()
    if (payload.get("schema"), payload["table"]) != ("storage", "objects"):
        return StorageMessage("other_table")
    if payload["type"] == "DELETE":
        return StorageMessage("object_deleted")
    if payload["type"] not in ("INSERT", "UPDATE"):
        return StorageMessage("other_event")
    event = SupabaseEvent.model_validate(payload)
    record, old = event.record, event.old_record
    etag = record.metadata.etag.strip('"') if record.metadata else ""
    announced = Announced(
        ObjectName.of(record.bucket_id, record.name),
        version=record.version or etag,
        etag=etag,
        at=record.created_at,
        completes=old is not None and not old.says_version,
    )
    told = f"{event.type}:{announced.name}:{announced.version}"
    return _wanted([announced], key=told if announced.version else None)


def s3(payload: dict[str, Any], _: StorageSettings) -> StorageMessage:
    if payload.get("Event") == "s3:TestEvent":
        return StorageMessage("test_event")
    records = payload.get("Records")
    if not isinstance(records, list):
        raise unrecognised()
    if len(records) > MOST_RECORDS:
        raise Refused(400, "too_many", f"At most {MOST_RECORDS} records in a notification.")
    names = [_event_name(record) for record in records]
    made = [record for record, name in zip(records, names, strict=True) if name == "ObjectCreated"]
    if not made:
        return StorageMessage("object_deleted" if "ObjectRemoved" in names else "other_event")
    found = [S3Record.model_validate(record) for record in made]
    return _wanted([_of_s3(record) for record in found], key=_key(found))


def _event_name(record: Any) -> str:
    """`ObjectCreated:Put`; MinIO writes `s3:` before it."""
    name = record.get("eventName") if isinstance(record, dict) else None
    return name.removeprefix("s3:").partition(":")[0] if isinstance(name, str) else ""


def _of_s3(record: S3Record) -> Announced:
    """The key is encoded as in a form: a space is a plus. An ETag names the content."""
    item = record.s3.object
    version_id = item.version_id if item.version_id != "null" else ""
    key = unquote_plus(item.key, errors="strict")
    etag = item.etag.strip('"')
    return Announced(
        ObjectName.of(record.s3.bucket.name, key, version_id),
        version=version_id or etag,
        etag=etag,
        at=record.event_time,
    )


def _key(records: list[S3Record]) -> str | None:
    """S3 sends at least once; `sequencer` grows with each change of an object."""
    parts = []
    for record in records:
        item = record.s3.object
        mark = item.sequencer or item.version_id or item.etag
        if not mark:
            return None
        parts.append(f"{record.s3.bucket.name}/{item.key}:{mark}")
    return "|".join(parts)


def _wanted(found: list[Announced], key: str | None = None) -> StorageMessage:
    reasons = {announced: next(_why_not(announced), "") for announced in found}
    objects = tuple(announced for announced, why in reasons.items() if not why)
    if not objects:
        return StorageMessage(next(iter(reasons.values())), key=key)
    return StorageMessage(CREATED, objects, key)


def _why_not(announced: Announced) -> Iterator[str]:
    if settings.STORAGE_BUCKETS and announced.name.bucket not in settings.STORAGE_BUCKETS:
        yield "other_bucket"
    if not announced.name.path.lower().endswith(".c3d"):
        yield "not_c3d"


# By dialect.
READERS: dict[str, Callable[[dict[str, Any], StorageSettings], StorageMessage]] = {
    "plain": plain,
    "minio": s3,
    "s3": s3,
    "supabase": supabase,
}
