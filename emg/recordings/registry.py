"""Recordings as they are told of, found and described. Nothing here reads a whole file."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from emg.models import Recording
from emg.recordings import paths
from emg.storage import ObjectName, Store
from omibackend.core.postgres.locks import Lock, lock
from omibackend.core.work import leased
from omibackend.core.work.effects import Change
from omibackend.core.work.leased import State

if TYPE_CHECKING:
    from emg import c3d

# Large, and not needed to know a recording or to tell how it is doing.
HEAVY = ("analytics", "scores", "notes", "attempt_log", "effects")
ANALYSED = ("analytics", "scores", "processing_version", "analysed_at")


@dataclass(frozen=True)
class Announced:
    """An object as a sender told of it; "" and None: it did not say."""

    name: ObjectName
    version: str = ""
    etag: str = ""
    session_id: str = ""
    at: datetime | None = None
    # A second message about the same upload, with what the first could not tell yet.
    completes: bool = False

    @property
    def default_session_id(self) -> str:
        return paths.session_id(self.name.bucket, self.name.path)


def register(
    announced: Announced,
    *,
    owner_id: int,
    delivery_id: UUID,
    received_at: datetime,
    early: bool = False,
) -> tuple[Recording, Change]:
    """The one recording of an object's version, and how it came: created, updated or unchanged.

    Whoever comes second finds what the first one made: turns are taken by object. `early`: by the
    answer to a delivery, whose job says the same once more.
    """
    with transaction.atomic():
        lock((Lock.STORED_OBJECT, f"{owner_id}:{announced.name}"))
        known = known_as(announced, owner_id)
        if known and known.told_by == delivery_id:
            Recording.objects.filter(pk=known.pk).update(told_by=None)
            return known, Change.UNCHANGED
        told_by = delivery_id if early else None
        if known:
            return known, _tell_again(known, announced, told_by)
        path = announced.name.path
        made = Recording.objects.create(
            owner_id=owner_id,
            delivery_id=delivery_id,
            told_by=told_by,
            session_id=announced.session_id or announced.default_session_id,
            session_code=paths.session_code(path),
            patient_code=paths.patient_code(path),
            bucket=announced.name.bucket,
            object_path=path,
            object_version=announced.version,
            version_id=announced.name.version_id,
            recorded_at=paths.recorded_at(path) or announced.at or received_at,
        )
        return made, Change.CREATED


def known_as(announced: Announced, owner_id: int) -> Recording | None:
    """A message without a version is about the newest one. One with a version may be the second
    message about an upload whose first had none."""
    name = announced.name
    rows = Recording.objects.filter(owner_id=owner_id, bucket=name.bucket, object_path=name.path)
    rows = rows.defer(*HEAVY).order_by("-id")
    if not announced.version:
        return rows.first()
    if same := rows.filter(object_version=announced.version).first():
        return same
    unnamed = rows.filter(object_version="").first()
    is_same = unnamed and (
        unnamed.analysed_at is None
        or announced.completes
        or (unnamed.etag and unnamed.etag == announced.etag)
    )
    return unnamed if is_same else None


def _tell_again(recording: Recording, announced: Announced, told_by: UUID | None) -> Change:
    """Takes over what is news, and sees to it that there is work if there is something to do."""
    news: dict[str, Any] = {}
    if announced.version and not recording.object_version:
        news = {"object_version": announced.version, "version_id": announced.name.version_id}
    if announced.session_id and announced.session_id != recording.session_id:
        news["session_id"] = announced.session_id
    for name, value in {**news, "told_by": told_by}.items():
        setattr(recording, name, value)
    recording.save(update_fields=[*news, "told_by"])
    # What is analysed has to be looked at again only if it may be another file by now.
    if recording.state != State.DONE or not announced.version:
        _make_due(recording)
    return Change.UPDATED if news else Change.UNCHANGED


def _make_due(recording: Recording) -> None:
    rows = Recording.objects.filter(pk=recording.pk)
    if recording.state == State.PENDING:
        rows.filter(state=State.PENDING, next_attempt_at__gt=Now()).update(next_attempt_at=Now())
    elif recording.state != State.LEASED:
        leased.replay(rows)
        recording.state = State.PENDING


def visible_to(user: Any, permission: str = "emg.view_recording") -> QuerySet[Recording]:
    """One's own; all of them for staff with the right to it."""
    if user.is_staff and user.has_perm(permission):
        return Recording.objects.all()
    return Recording.objects.filter(owner=user)


def find(rows: QuerySet[Recording], session_id: str) -> Recording | None:
    """By the public name, its own id, or the session's code in the path; the newest such."""
    if not session_id or "\x00" in session_id:
        return None
    newest = rows.order_by("-id")
    pk = as_uuid(session_id)
    named = [
        {"session_id": session_id},
        *([{"pk": pk}] if pk else ()),
        {"session_code": session_id},
    ]
    return next((found for by in named if (found := newest.filter(**by).first())), None)


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def object_of(recording: Recording) -> ObjectName:
    return ObjectName(recording.bucket, recording.object_path, recording.version_id)


def describe(metadata: "c3d.Metadata", *, size_bytes: int, sha256: str | None) -> dict[str, Any]:
    """A recording's `metadata` as senders and the API get it."""
    return {
        "channel_names": list(metadata.channel_names),
        "channel_count": metadata.channel_count,
        "sampling_rate": metadata.sampling_rate_hz,
        "duration_seconds": metadata.duration_s,
        "file_size_bytes": size_bytes,
        "file_hash": sha256,
        "points_rate": metadata.point_rate_hz,
    }


def read_metadata(store: Store, name: ObjectName) -> dict[str, Any] | None:
    """From the first blocks of the object, whatever its size; None: it cannot be read whole. Raises
    NotThere and StoreAway."""
    from emg import c3d  # and with it numpy: only where a store is asked

    found = store.find(name)
    with store.open(name) as file:
        try:
            metadata = c3d.read_metadata(file, size_bytes=found.size_bytes)
        except c3d.C3DError:
            return None
    return describe(metadata, size_bytes=found.size_bytes, sha256=None)
