"""What may be done with memories. Every writer of an owner's memories takes turns (`lock_owner`),
so that a re-send, a replay and a deletion that meet cannot duplicate or resurrect anything."""

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Func, QuerySet, TextField, Value
from django.db.models.functions import Now
from django.utils import timezone

from memories.models import By, Memory, MemoryKind, Revision, Tombstone
from memories.saving.history import FLAGS, WORDS, differing, record
from memories.saving.identity import normalised, text_hash
from memories.saving.incoming import IncomingMemory, bounded
from memories.saving.parts import save_action_items, save_events, save_photos
from memories.saving.similar import closest, flag_similar
from omibackend.core.postgres.locks import Lock, lock
from omibackend.core.work.effects import Change, Effect

EDITABLE = (*WORDS, *FLAGS)
# By what a memory is known when it is sent again.
NAMED_BY = ("owner_id", "kind", "source_id", "content_hash")


def lock_owner(owner_ids: Iterable[int]) -> None:
    """Until the transaction ends nobody else writes memories of these owners. A transaction
    for several owners names them all at once: the fixed order is what rules out a deadlock."""
    lock(*((Lock.OWNERS_MEMORIES, str(owner_id)) for owner_id in owner_ids))


def save_memory(
    *, owner_id: int, incoming: IncomingMemory, delivery_id: UUID | None
) -> list[Effect]:
    """Makes the memory or brings it up to date; says what became of it and of its parts."""
    with transaction.atomic(savepoint=False):
        lock_owner([owner_id])
        content_hash = _content_hash(incoming, delivery_id)
        tombstone = _tombstone_of(owner_id, incoming, content_hash)
        if tombstone is not None:
            return [_stays_deleted(tombstone)]
        found = _found(owner_id, incoming, content_hash)
        if found is None:
            memory, change = _created(owner_id, incoming, content_hash, delivery_id), Change.CREATED
        elif _is_outdated(found, incoming, delivery_id):
            return [Effect.on("memory", found.pk, Change.UNCHANGED)]
        else:
            memory, change = found, _updated(found, incoming, content_hash, delivery_id)
        save_photos(memory, incoming.photos)
        return [
            Effect.on("memory", memory.pk, change),
            *save_action_items(memory, incoming.action_items, delivery_id),
            *save_events(memory, incoming.events),
        ]


def _content_hash(incoming: IncomingMemory, delivery_id: UUID | None) -> str:
    """Names the content. A memory without any words is only like itself in a replay."""
    words = next((part for part in (incoming.text, incoming.title) if normalised(part)), None)
    return text_hash(words or str(delivery_id or uuid4()))


def _tombstone_of(owner_id: int, incoming: IncomingMemory, content_hash: str) -> Tombstone | None:
    """By the sender's id; and by content, where one of the two came without an id."""
    graves = Tombstone.objects.filter(owner_id=owner_id, kind=incoming.kind)
    if incoming.source_id is None:
        return graves.filter(content_hash=content_hash).first()
    named = graves.filter(source_id=incoming.source_id).first()
    unnamed = graves.filter(source_id=None, content_hash=content_hash).first()
    if named or not unnamed:
        return named
    # From now on the id is known: the next version may have other words.
    return Tombstone.objects.create(
        owner_id=owner_id,
        kind=incoming.kind,
        source_id=incoming.source_id,
        content_hash=content_hash,
        merged_into_id=unnamed.merged_into_id,
    )


def _stays_deleted(tombstone: Tombstone) -> Effect:
    """What was merged is in the other memory already, as its owner wants it."""
    if tombstone.merged_into_id is None:
        return Effect.on("memory", "", Change.DELETED_BEFORE)
    return Effect.on("memory", tombstone.merged_into_id, Change.MERGED_BEFORE)


def _found(owner_id: int, incoming: IncomingMemory, content_hash: str) -> Memory | None:
    mine = Memory.objects.select_for_update().filter(owner_id=owner_id, kind=incoming.kind)
    alike = mine.filter(content_hash=content_hash, occurred_at__range=_window(incoming))
    if incoming.source_id is None:
        return alike.first()
    return mine.filter(source_id=incoming.source_id).first() or alike.filter(source_id=None).first()


def _window(incoming: IncomingMemory) -> tuple[Any, Any]:
    span = timedelta(hours=settings.MEMORY_DEDUP_HOURS)
    return incoming.occurred_at - span, incoming.occurred_at + span


def _is_outdated(memory: Memory, incoming: IncomingMemory, delivery_id: UUID | None) -> bool:
    """A retry or a replay can come after a newer version; ids of deliveries are in time order."""
    newest = memory.sender_version.get("delivery_id")
    if incoming.source_id is None or memory.source_id is None or not newest or not delivery_id:
        return False
    return delivery_id < UUID(newest)


def _version(sent: dict[str, str], delivery_id: UUID | None) -> dict[str, str | None]:
    return {**sent, "delivery_id": str(delivery_id) if delivery_id else None}


def _created(
    owner_id: int, incoming: IncomingMemory, content_hash: str, delivery_id: UUID | None
) -> Memory:
    sent = incoming.words
    memory = Memory(
        owner_id=owner_id,
        kind=incoming.kind,
        occurred_at=incoming.occurred_at,
        content_hash=content_hash,
        delivery_id=delivery_id,
        sender_version=_version(sent, delivery_id),
        **sent,
        **incoming.around,
    )
    memory.similar_to_id = closest(memory)
    memory.save(force_insert=True)
    return memory


def _updated(
    memory: Memory, incoming: IncomingMemory, content_hash: str, delivery_id: UUID | None
) -> Change:
    sent = incoming.words
    differs = differing(memory, sent)
    kept = differs.keys() & set(memory.edited_fields)
    wanted = {
        **{name: value for name, value in differs.items() if name not in kept},
        **incoming.around,
        # The earliest: a sender that does not say when it began leaves us the time of receipt.
        "occurred_at": min(memory.occurred_at, incoming.occurred_at),
        "details": {**memory.details, **bounded(incoming.details)},
    }
    changed = differing(memory, wanted)
    stamps: dict[str, Any] = {"updated_at": Now()} if changed else {}
    record(memory, changed, by=By.SENDER, delivery_id=delivery_id)
    Memory.objects.filter(pk=memory.pk).update(
        **changed,
        **stamps,
        content_hash=content_hash,
        sender_version=_version(sent, delivery_id),
    )
    if changed.keys() & {"title", "text"}:
        flag_similar(memory.pk)
    if kept:
        return Change.KEPT_EDITS
    return Change.UPDATED if changed else Change.UNCHANGED


def edit(memory: Memory, changes: Mapping[str, Any], *, by: By = By.OWNER) -> None:
    """The owner's own words: they replace the sender's, and outlive whatever it sends again."""
    with transaction.atomic():
        lock_owner([memory.owner_id])
        held = Memory.objects.select_for_update().get(pk=memory.pk)
        differs = differing(held, {name: changes[name] for name in EDITABLE if name in changes})
        if not differs:
            return
        record(held, differs, by=by)
        edited = sorted({*held.edited_fields, *(name for name in differs if name in WORDS)})
        Memory.objects.filter(pk=held.pk).update(**differs, edited_fields=edited, updated_at=Now())
        if differs.keys() & {"title", "text"}:
            flag_similar(held.pk)


def revert(memory: Memory, to: Revision) -> None:
    """As it stood before that change, which is a change too. What then is the sender's again
    follows the sender again."""
    with transaction.atomic():
        edit(memory, to.before)
        held = Memory.objects.select_for_update().get(pk=memory.pk)
        sent = held.sender_version
        edited = [
            name
            for name in held.edited_fields
            if name not in to.before or sent.get(name) != getattr(held, name)
        ]
        Memory.objects.filter(pk=held.pk).update(edited_fields=edited)


def write(*, owner_id: int, title: str, text: str, category: str) -> tuple[Memory, bool]:
    """A note of the owner's own, and whether it is new: the same text within hours is one note.

    One that was deleted before is made again: nobody but its owner writes here.
    """
    note = IncomingMemory(
        kind=MemoryKind.NOTE,
        source="note",
        occurred_at=timezone.now(),
        title=title,
        text=text,
        category=category,
    )
    with transaction.atomic():
        lock_owner([owner_id])
        content_hash = _content_hash(note, None)
        found = _found(owner_id, note, content_hash)
        if found is not None:
            given = {"title": title, "category": category}
            edit(found, {name: value for name, value in given.items() if value})
            return found, False
        Tombstone.objects.filter(
            owner_id=owner_id, kind=MemoryKind.NOTE, source_id=None, content_hash=content_hash
        ).delete()
        return _created(owner_id, note, content_hash, None), True


def made_of(owner_ids: Collection[int], ids: Iterable[UUID]) -> QuerySet[Memory]:
    """What a prompt made of these memories or sessions: `source_id` is "<prompt>:<kind>:<id>"."""
    third = (F("source_id"), Value(":"), Value(3))
    origin = Func(*third, function="split_part", output_field=TextField())
    made = Memory.objects.filter(owner_id__in=owner_ids, source="prompt")
    return made.alias(made_of=origin).filter(made_of__in=[str(pk) for pk in ids])


def forget(memories: Iterable[Memory]) -> int:
    """Deletes for good, with what prompts made of them: neither a re-send nor a replay brings a
    forgotten memory back. Returns how many of the given ones."""
    chosen = [memory.pk for memory in memories]
    with transaction.atomic():
        given = Memory.objects.filter(pk__in=chosen).order_by()
        owners = list(given.values_list("owner_id", flat=True))
        lock_owner(owners)
        made = list(made_of(set(owners), chosen).values_list("pk", flat=True))
        forgotten = Memory.objects.filter(pk__in=[*chosen, *made])
        tombs = [Tombstone(**named) for named in forgotten.order_by().values(*NAMED_BY)]
        Tombstone.objects.bulk_create(tombs, ignore_conflicts=True)
        forgotten.delete()
    return len(owners)
