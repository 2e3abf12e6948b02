"""From a memory back to where it came from: its words, and the raw deliveries that told them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import BinaryField, BooleanField, Case, F, Func, Q, QuerySet, When

from conversations.models import OmiSession, TranscriptSegment
from memories.models import Memory
from webhooks.inbox.endpoints import deliveries_of
from webhooks.models import Delivery


@dataclass(frozen=True)
class Words:
    """A session, and those of its segments that the memory was made of."""

    session: OmiSession
    segments: list[TranscriptSegment]


@dataclass(frozen=True)
class Trace:
    """`deliveries` may lack some of `delivery_ids`: those that retention has removed whole."""

    memory: Memory
    words: list[Words]
    deliveries: list[Delivery]
    delivery_ids: list[UUID]

    @property
    def segments_missing(self) -> int:
        """Words of the memory whose transcript was deleted."""
        found = {segment.key for words in self.words for segment in words.segments}
        return len(set(self.memory.segment_keys) - found)

    @property
    def deliveries_gone(self) -> list[UUID]:
        held = {row.pk for row in self.deliveries}
        return [pk for pk in self.delivery_ids if pk not in held]

    @property
    def written_at(self) -> Any:
        """When the person wrote it; None if a delivery told it."""
        return None if self.delivery_ids else self.memory.created_at


def of(memory: Memory) -> Trace:
    told = _told_by(memory)
    sessions = _sessions(memory, told)
    words = _words(memory, sessions)
    heard = {segment.delivery_id for part in words for segment in part.segments}
    ids = sorted(told | heard)
    return Trace(memory, words, list(_deliveries(memory.owner_id, ids)), ids)


def _told_by(memory: Memory) -> set[UUID]:
    """The delivery that made it, the one whose version stands in it, and those of its parts."""
    newest = memory.sender_version.get("delivery_id")
    items = memory.action_items.exclude(delivery_id=None).values_list("delivery_id", flat=True)
    found = {memory.delivery_id, UUID(newest) if newest else None, *items}
    return {pk for pk in found if pk is not None}


def _sessions(memory: Memory, told: Iterable[UUID]) -> list[OmiSession]:
    """By Omi's conversation id; without one, by what its deliveries became."""
    mine = OmiSession.objects.filter(owner_id=memory.owner_id)
    told_effects = Delivery.objects.filter(pk__in=told).values_list("effects", flat=True)
    made = [e.id for effects in told_effects for e in effects if e.kind == "session"]
    wanted = Q(pk__in=made)
    if memory.source_id:
        wanted |= Q(omi_conversation_id=memory.source_id)
    return list(mine.filter(wanted).order_by("started_at", "pk"))


def _words(memory: Memory, sessions: Iterable[OmiSession]) -> list[Words]:
    by_id = {session.pk: Words(session, []) for session in sessions}
    if not by_id or not memory.segment_keys:
        return []
    rows = TranscriptSegment.objects.filter(session__in=by_id, key__in=memory.segment_keys)
    for row in rows.in_order():
        by_id[row.session_id].segments.append(row)
    return [words for words in by_id.values() if words.segments]


def _deliveries(owner_id: int, ids: list[UUID]) -> QuerySet[Delivery]:
    """PostgreSQL hashes the bodies: some are megabytes of pictures."""
    hashed = Func(F("body"), function="sha256", output_field=BinaryField())
    return (
        deliveries_of(owner_id)
        .filter(pk__in=ids)
        .select_related("endpoint")
        .defer("body", "headers", "query", "attempt_log")
        .annotate(
            is_held=Case(
                When(body__isnull=False, then=True), default=False, output_field=BooleanField()
            ),
            is_intact=Case(
                When(body__isnull=True, then=None),
                When(body_sha256=hashed, then=True),
                default=False,
                output_field=BooleanField(null=True),
            ),
        )
        .order_by("pk")
    )
