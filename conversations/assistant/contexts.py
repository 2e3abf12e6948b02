"""What a person's assistant is turned to: a space, and a window of five. The REST calls and the
voice commands act on the same rows; a wearable's are under its uid, a chat's under its
session_id."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from conversations.assistant import spaces
from conversations.models import (
    ContextState,
    ContextWindow,
    Conversation,
    OmiSession,
    Pending,
    Space,
    messages_of,
)
from omibackend.core.errors import Refused
from omibackend.core.postgres import clock
from omibackend.core.postgres.rows import locked
from omibackend.llm.context import Note

SLOTS = range(1, 6)
# What was asked back is forgotten after this.
PENDING_FOR = timedelta(minutes=2)
TITLE_CHARS = 60
WINDOW_MESSAGES = 6
WINDOW_LINES = 20


def state_of(owner_id: int, key: str) -> ContextState:
    """As it is, or the defaults; those are not stored."""
    found = ContextState.objects.filter(owner_id=owner_id, key=key).first()
    return found or ContextState(owner_id=owner_id, key=key)


def _change(owner_id: int, key: str, **changes: object) -> ContextState:
    """Returns it as it was before."""
    with transaction.atomic():
        state = locked(ContextState.objects.all(), owner_id=owner_id, key=key)
        ContextState.objects.filter(pk=state.pk).update(**changes, updated_at=Now())
        return state


def switch(*, owner_id: int, key: str, space: Space) -> Space:
    """Returns the space before."""
    return Space(_change(owner_id, key, space=space, pending=Pending.NONE).space)


def pending_of(state: ContextState) -> Pending:
    since = state.pending_since
    if not state.pending or since is None or clock.now() - since > PENDING_FOR:
        return Pending.NONE
    return Pending(state.pending)


def ask_back(*, owner_id: int, key: str, pending: Pending) -> None:
    _change(owner_id, key, pending=pending, pending_since=Now())


def cancel(*, owner_id: int, key: str) -> bool:
    """Returns whether anything was waited for."""
    return pending_of(_change(owner_id, key, pending=Pending.NONE)) != Pending.NONE


def clear(*, owner_id: int, key: str) -> None:
    """A fresh start: what was said so far is looked at no more. The windows stay in their slots."""
    _change(
        owner_id,
        key,
        space=Space.DEFAULT,
        pending=Pending.NONE,
        active_slot=None,
        cleared_at=Now(),
    )


def activate(
    *, owner_id: int, key: str, slot: int, conversation_id: UUID | None = None
) -> Conversation:
    """Makes a window the active one; with a conversation, that is put into its slot first."""
    with transaction.atomic():
        state = _change(owner_id, key, active_slot=slot, pending=Pending.NONE)
        if conversation_id is not None:
            _bind(state, slot, conversation_id)
        window = state.windows.select_related("conversation").filter(slot=slot).first()
        if window is None:
            raise Refused(404, "not_found", f"There is nothing in window {slot}.", attr="slot")
        return window.conversation


def _bind(state: ContextState, slot: int, conversation_id: UUID) -> None:
    # Locked, so that it cannot be deleted before it is bound.
    own = Conversation.objects.select_for_update().filter(
        pk=conversation_id, owner_id=state.owner_id
    )
    if own.first() is None:
        raise Refused(404, "not_found", "There is no such conversation.", attr="conversation_id")
    ContextWindow.objects.update_or_create(
        state=state, slot=slot, defaults={"conversation_id": conversation_id}
    )


def windows_of(state: ContextState) -> dict[int, Conversation]:
    if state._state.adding:
        return {}
    windows = state.windows.select_related("conversation")
    return {window.slot: window.conversation for window in windows}


def active_of(state: ContextState) -> Conversation | None:
    return windows_of(state).get(state.active_slot or 0)


def preferred_of(owner_id: int) -> Conversation | None:
    preferred = Conversation.objects.filter(
        owner_id=owner_id, owner__preferences__default_conversation=F("pk")
    )
    return preferred.first()


def title_of(conversation: Conversation) -> str:
    """A name for it in a line: its title, or when it began."""
    title = conversation.title.strip()[:TITLE_CHARS]
    return title or f"{conversation.started_at:%-d %b %Y, %H:%M} UTC"


def turns_since(state: ContextState, since: datetime) -> datetime:
    return max(since, state.cleared_at) if state.cleared_at else since


def notes(state: ContextState) -> tuple[Note, ...]:
    """The active window, or else the conversation that the person prefers, and the space: for the
    model."""
    found = []
    conversation = active_of(state) or preferred_of(state.owner_id)
    if conversation is not None:
        lines = _window_lines(conversation)
        found.append(Note("The conversation that the person has open", "\n".join(lines)))
    heading, items = spaces.items_of(state.owner_id, Space(state.space))
    if items:
        found.append(Note(heading, "\n".join(items)))
    return tuple(found)


def _window_lines(conversation: Conversation) -> Sequence[str]:
    """Its title, the end of what was said, and its last messages."""
    session = conversation.session
    lines = session.segments.ending(WINDOW_LINES) if session else []
    written = messages_of(conversation)[:WINDOW_MESSAGES]
    return [
        title_of(conversation),
        *(line.text for line in lines),
        *(f"{message.role}: {message.text}" for message in reversed(written)),
    ]


def newest_of(owner_id: int, uid: str) -> Conversation | None:
    """The conversation that goes on, or was the last."""
    newest = OmiSession.objects.filter(owner_id=owner_id, uid=uid).first()
    return Conversation.objects.filter(session=newest).first() if newest else None
