"""What a sender tells, for the tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from memories.models import Memory
from memories.saving.incoming import IncomingActionItem, IncomingEvent, IncomingMemory
from memories.saving.writing import save_memory
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Effect

AT = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)

VENUE = IncomingMemory(
    kind="conversation",
    source="omi",
    source_id="b7f0f2de",
    title="Wedding Venue Deposit",
    text="You and Sarah agreed to pay the venue deposit by Friday.",
    category="family",
    emoji="💒",
    language="en",
    occurred_at=AT,
    action_items=(IncomingActionItem("Pay the venue deposit", due_at=AT + 48 * HOUR),),
    events=(IncomingEvent("Venue visit", starts_at=AT + 96 * HOUR, duration_minutes=60),),
)
UNNAMED = replace(VENUE, source_id=None)


def tell(owner: Any, incoming: IncomingMemory = VENUE, **changes: Any) -> list[Effect]:
    return save_memory(
        owner_id=owner.pk, incoming=replace(incoming, **changes), delivery_id=uuid7()
    )


def told(owner: Any, incoming: IncomingMemory = VENUE, **changes: Any) -> Memory:
    return Memory.objects.get(pk=tell(owner, incoming, **changes)[0].id)


def how(became: list[Effect], kind: str = "memory") -> list[str]:
    return [entry.change for entry in became if entry.kind == kind]
