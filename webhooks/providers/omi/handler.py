"""What Omi's deliveries become: transcripts, memories, questions, prompts.

Each delivery is read once; then the stages run, each over all events that are worked in this
transaction. Their order is the order of the locks: memories, wearables, prompts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from pydantic import ValidationError

from conversations.segments import Batch
from conversations.transcripts import deletion, finalise, ingest
from conversations.transcripts.finalise import Final
from conversations.voice import intake, playback
from conversations.voice.playback import Playback
from memories.saving.incoming import IncomingMemory
from memories.saving.writing import save_memory
from omibackend.core.errors import SetAside, describe
from omibackend.core.work import lanes
from omibackend.core.work.effects import Change, Effect
from omibackend.prompts import planning
from webhooks.models import Delivery
from webhooks.providers.omi import shared
from webhooks.providers.omi.events import REALTIME, OmiEvent
from webhooks.providers.omi.memory import memory_of, memory_of_day
from webhooks.providers.omi.payloads import ConversationPayload as Conversation


def handle_many(deliveries: Sequence[Delivery]) -> dict[UUID, list[Effect]]:
    """Transcripts of many deliveries in a few statements. Anything else, and what does not
    parse, is left out of a bulk and worked alone: memories take locks of their own."""
    owners = shared.owners_of(deliveries)
    if len(deliveries) == 1 and not owners:
        return {deliveries[0].pk: shared.set_aside(deliveries[0])}
    events = list(_read(deliveries, owners))
    so_far = SoFar({event.delivery_id: [] for event in events})
    for stage in STAGES:
        stage(events, so_far)
    return so_far.effects


def _read(deliveries: Sequence[Delivery], owners: dict[UUID, int]) -> Iterator[OmiEvent]:
    alone = len(deliveries) == 1
    for delivery in deliveries:
        if delivery.pk in owners and (alone or delivery.event == REALTIME):
            try:
                yield OmiEvent.of(delivery, owners[delivery.pk])
            except ValidationError as error:
                if alone:
                    raise SetAside(describe(error)) from error


@dataclass(slots=True)
class SoFar:
    """What the stages before did, by delivery."""

    effects: dict[UUID, list[Effect]]
    playback: dict[UUID, Playback] = field(default_factory=dict)
    dropped: set[UUID] = field(default_factory=set)

    def finished(self, events: Iterable[OmiEvent]) -> Iterator[tuple[OmiEvent, Conversation]]:
        """The finished conversations that are still wanted."""
        for event in events:
            if event.conversation is not None and event.delivery_id not in self.dropped:
                yield event, event.conversation

    def add(self, event: OmiEvent, effects: Iterable[Effect]) -> None:
        self.effects[event.delivery_id] += effects


def drop_deleted(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    """A conversation that its person deleted stays so, whatever is sent of it."""
    for event, conversation in so_far.finished(events):
        if conversation.id is not None and deletion.was_deleted(
            owner_id=event.owner_id,
            uid=event.uid,
            conversation_id=conversation.id,
            started_at=conversation.started_at,
            segments=event.final,
        ):
            so_far.dropped.add(event.delivery_id)
            so_far.add(event, ingest.DELETED_BEFORE)


def mark_playback(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    """Our own words, read aloud by a phone and heard again."""
    so_far.playback = playback.playbacks_in([(event.words, event.began_at) for event in events])


def save_memories(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    """A discarded conversation is one that Omi found nothing in: no memory is made of it. Nor is
    one made of our own words heard again."""
    for event in events:
        if event.day is not None:
            _save(event, memory_of_day(event, event.day), so_far)
    for event, conversation in so_far.finished(events):
        if so_far.playback[event.delivery_id].adds_nothing(conversation.structured.overview):
            so_far.add(event, [Effect("memory", "", Change.PLAYBACK)])
        elif not conversation.discarded:
            _save(event, memory_of(event, conversation), so_far)


def _save(event: OmiEvent, memory: IncomingMemory, so_far: SoFar) -> None:
    saved = save_memory(owner_id=event.owner_id, incoming=memory, delivery_id=event.delivery_id)
    so_far.add(event, saved)


def store_transcripts(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    stored = ingest.add_batches(_live(events))
    for event in events:
        so_far.add(event, stored.get(event.delivery_id, ()))
    playback.flag(so_far.playback, stored)


def finalise_transcripts(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    """The words of a finished conversation replace the live ones."""
    for event, conversation in so_far.finished(events):
        if conversation.id is None or (conversation.discarded and not event.final):
            continue
        replaced = finalise.replace_transcript(
            Final(
                owner_id=event.owner_id,
                uid=event.uid,
                conversation_id=conversation.id,
                title=conversation.structured.title[:200],
                language=(conversation.language or "")[:16],
                started_at=conversation.started_at,
                finished_at=conversation.finished_at,
                segments=event.final,
                delivery_id=event.delivery_id,
            )
        )
        so_far.add(event, replaced)
        playback.flag(so_far.playback, {event.delivery_id: replaced})


def detect_questions(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    if settings.ENABLE_CONTEXT_ACTIVATION and intake.detect_in_job(_live(events), so_far.playback):
        transaction.on_commit(partial(lanes.wake, "ai"))


def trigger_prompts(events: Sequence[OmiEvent], so_far: SoFar) -> None:
    if not settings.ENABLE_PROMPT_WORKERS:
        return
    happened = [
        planning.Happened(
            person_id=event.owner_id,
            delivery_id=event.delivery_id,
            effects=so_far.effects[event.delivery_id],
            live=event.conversation is None,
        )
        for event in events
        if so_far.effects[event.delivery_id]
    ]
    runs = planning.after_deliveries(happened) if happened else []
    for run in runs:
        if run.delivery_id:
            so_far.effects[run.delivery_id].append(Effect.on("prompt_run", run.pk, Change.CREATED))
    if runs:
        transaction.on_commit(partial(lanes.wake, "ai"))


def _live(events: Iterable[OmiEvent]) -> list[Batch]:
    return [event.live for event in events if event.live is not None]


STAGES = (
    drop_deleted,
    mark_playback,
    save_memories,
    store_transcripts,
    finalise_transcripts,
    detect_questions,
    trigger_prompts,
)
