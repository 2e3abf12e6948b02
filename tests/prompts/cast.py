"""Prompts and what sets them off, for the tests."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from memories.models import Memory
from omibackend.core.work import draining
from omibackend.core.work.leased import State
from omibackend.prompts.models import PromptRun, PromptTemplate
from tests.conftest import payload, work
from tests.sender import Sender

SUMMARY = {"title": "Deposit", "text": "Pay the venue by Friday."}
ITEMS = {
    "items": [
        {"description": "Ask the caterer", "due_at": "2026-11-27T10:00"},
        {"description": "Tell Sarah", "due_at": None},
        {"description": " ", "due_at": "soon"},
    ]
}
REMARK = {"text": "The deposit is due on Friday."}


def template(**changes: Any) -> PromptTemplate:
    values = {
        "name": "Sum up",
        "trigger": "memory_created",
        "prompt": "Sum it up for {person}: {memory.title} / {memory.text}",
        "output": "memory",
        **changes,
    }
    made = PromptTemplate(**values)
    made.full_clean()
    made.save()
    made.refresh_from_db()
    return made


def conversation(*, at: datetime | None = None, **changes: Any) -> Any:
    """Omi's memory of a conversation that ended just now."""
    began = (at or timezone.now()) - timedelta(minutes=5)
    body = payload("omi/memory_created__full")
    times = {"created_at": began, "started_at": began, "finished_at": began + timedelta(minutes=4)}
    structured = {**body["structured"], **changes.pop("structured", {})}
    shown = {name: moment.isoformat() for name, moment in times.items()}
    return {**body, **shown, "structured": structured, **changes}


def say(omi: Sender, text: str = "The deposit is due on Friday.", start: float = 1.0) -> None:
    segment = {"text": text, "speaker": "SPEAKER_00", "is_user": True, "start": start}
    omi.post({"segments": [{**segment, "end": start + 2}], "session_id": omi.uid})
    work("inbox")


def remember(omi: Sender, **changes: Any) -> Memory:
    """Omi's memory, sent and worked; the runs it sets off still wait."""
    body = conversation(**changes)
    omi.post(body)
    work("inbox")
    return Memory.objects.get(kind="conversation", source_id=body["id"])


def run_due() -> PromptRun:
    """The lane, once every waiting run is due: the only run, as it is then."""
    PromptRun.objects.filter(state=State.PENDING).update(next_attempt_at=Now())
    draining.drain("ai")
    return PromptRun.objects.get()
