"""The parts of a memory: action items, events, photos. Their callers hold the owner's turn."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models.functions import Now

from memories.models import ActionItem, Event, Memory, Photo
from memories.saving.history import also_edited, differing
from memories.saving.identity import text_hash
from memories.saving.incoming import IncomingActionItem, IncomingEvent, IncomingPhoto
from omibackend.core.work.effects import Change, Effect

ITEM_EDITABLE = ("description", "completed", "due_at")
MOST_MINUTES = 366 * 24 * 60
# The names of their types, in front of how they begin.
PICTURES = re.compile(
    rb"(?P<jpeg>\xff\xd8\xff)|(?P<png>\x89PNG\r\n\x1a\n)|(?P<gif>GIF8[79]a)"
    rb"|(?P<webp>RIFF.{4}WEBP)",
    re.DOTALL,
)


def save_action_items(
    memory: Memory, items: Iterable[IncomingActionItem], delivery_id: UUID | None
) -> list[Effect]:
    sent = {text_hash(item.description): item for item in items if item.description.strip()}
    if not sent:
        return []
    locked = memory.action_items.select_for_update().order_by("pk")
    there = {item.description_hash: item for item in locked}
    fresh = [
        ActionItem(
            memory=memory,
            owner_id=memory.owner_id,
            description_hash=key,
            delivery_id=delivery_id,
            **asdict(item),
        )
        for key, item in sent.items()
        if key not in there
    ]
    ActionItem.objects.bulk_create(fresh)
    changes = [(item.pk, Change.CREATED) for item in fresh]
    met = [(there[key], item) for key, item in sent.items() if key in there]
    changes += [(kept.pk, _met_again(kept, item)) for kept, item in met]
    return [Effect.on("action_item", pk, change) for pk, change in changes]


def _met_again(kept: ActionItem, item: IncomingActionItem) -> Change:
    """Follows the sender, except in what the owner decided."""
    differs = differing(kept, {"completed": item.completed, "due_at": item.due_at})
    changed = {name: value for name, value in differs.items() if name not in kept.edited_fields}
    if "completed" in changed:
        changed["completed_at"] = item.completed_at
    if changed:
        ActionItem.objects.filter(pk=kept.pk).update(**changed, updated_at=Now())
    if differs.keys() & set(kept.edited_fields):
        return Change.KEPT_EDITS
    return Change.UPDATED if changed else Change.UNCHANGED


def edit_action_item(item: ActionItem, changes: Mapping[str, Any]) -> None:
    """The owner's decision: no re-send overturns it."""
    with transaction.atomic():
        held = ActionItem.objects.select_for_update().get(pk=item.pk)
        asked = {name: changes[name] for name in ITEM_EDITABLE if name in changes}
        differs = differing(held, asked)
        if not differs:
            return
        values: dict[str, Any] = {**differs, "updated_at": Now()}
        if "completed" in differs:
            values["completed_at"] = Now() if differs["completed"] else None
        edited = sorted({*held.edited_fields, *differs})
        ActionItem.objects.filter(pk=held.pk).update(**values, edited_fields=edited)


def mark(items: "models.QuerySet[ActionItem]", *, completed: bool) -> int:
    """The same decision for many; returns how many it changed."""
    with transaction.atomic():
        # Locked in one order, as a re-send locks them.
        locked = items.exclude(completed=completed).select_for_update().order_by("pk")
        return ActionItem.objects.filter(pk__in=[item.pk for item in locked]).update(
            completed=completed,
            completed_at=Now() if completed else None,
            edited_fields=also_edited("completed"),
            updated_at=Now(),
        )


def save_events(memory: Memory, events: Iterable[IncomingEvent]) -> list[Effect]:
    sent = {(text_hash(event.title), event.starts_at): event for event in events}
    if not sent:
        return []
    there = {(event.title_hash, event.starts_at): event.pk for event in memory.events.all()}
    fresh = [
        Event(
            memory=memory,
            title=event.title,
            title_hash=title_hash,
            description=event.description,
            starts_at=starts_at,
            duration_minutes=min(max(event.duration_minutes, 0), MOST_MINUTES),
        )
        for (title_hash, starts_at), event in sent.items()
        if (title_hash, starts_at) not in there
    ]
    Event.objects.bulk_create(fresh)
    kept = [Effect.on("event", there[key], Change.UNCHANGED) for key in sent if key in there]
    return [Effect.on("event", event.pk, Change.CREATED) for event in fresh] + kept


def picture_type(content: bytes) -> str:
    """The type by the first bytes, whatever the sender calls it; "" when it is no picture."""
    found = PICTURES.match(content)
    return f"image/{found.lastgroup}" if found else ""


def save_photos(memory: Memory, photos: Iterable[IncomingPhoto]) -> None:
    sent = {_photo_key(photo): photo for photo in photos}
    if not sent:
        return
    there = set(memory.photos.values_list("source_id", flat=True))
    Photo.objects.bulk_create(
        Photo(
            memory=memory,
            source_id=key,
            description=photo.description,
            taken_at=photo.taken_at,
            content_type=picture_type(photo.content),
            file=_stored(memory, key, photo.content),
        )
        for key, photo in sent.items()
        if key not in there
    )


def _photo_key(photo: IncomingPhoto) -> str:
    """The sender's id; without one, what the photo shows."""
    shown = photo.content or photo.description.encode()
    return photo.source_id or f"sha256:{hashlib.sha256(shown).hexdigest()}"


def _stored(memory: Memory, key: str, content: bytes) -> str:
    """Writes the picture under a name made of what it is: a retry after a rollback finds the
    file of the first try again and leaves no second one."""
    content_type = picture_type(content)
    if not content_type:
        return ""
    origin = memory.source_id or memory.content_hash
    digest = hashlib.sha256(content).hexdigest()
    name = uuid5(NAMESPACE_OID, f"{memory.kind}/{origin}/{key}/{digest}")
    extension = content_type.removeprefix("image/").replace("jpeg", "jpg")
    path = f"photos/{memory.owner_id}/{name}.{extension}"
    if default_storage.exists(path):
        return path
    return default_storage.save(path, ContentFile(content))
