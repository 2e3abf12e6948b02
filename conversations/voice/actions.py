"""Spoken commands carried out, and how a reply is framed. What a command does commits together
with its answer, in the transaction of whoever holds the question: so it is done exactly once."""

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from conversations.assistant import contexts, spaces
from conversations.models import ContextState, Pending, Question, Space, TranscriptSegment
from conversations.segments import hashed
from conversations.voice import intents
from conversations.voice.intents import Command, Do
from memories.models import MemoryKind
from memories.saving.incoming import IncomingActionItem, IncomingMemory
from memories.saving.writing import lock_owner, save_memory
from omibackend.accounts.preferences import preferences_of

SOURCE = "voice"
PROVIDER = "command"
TITLE_CHARS = 80
# "Save this as a memory": this much of what was said before.
JUST_SAID_WITHIN = timedelta(minutes=2)
JUST_SAID_LINES = 6

SAID = {
    Do.HELP: "You can say: switch to memories; list spaces; list windows; select window 2; "
    "remember that …; add a to-do …; clear context; cancel.",
    Do.SPACES: f"Spaces: {', '.join(space.value for space in Space)}.",
    # What comes in through a person's own endpoint is theirs already, and proves nothing: they
    # could post any uid there. Codes count where a shared endpoint hears them.
    Do.VERIFY: "There is nothing to verify: this wearable is heard for your account already.",
}
WHICH = "Which window, 1 to 5? Say a number, or cancel."


def command_in(question: Question) -> Command | None:
    """The command that a question is; a bare number only when one was asked for."""
    command = intents.read(question.text)
    if command is None or command.do != Do.NUMBER:
        return command
    state = contexts.state_of(question.owner_id, question.uid)
    return command if contexts.pending_of(state) == Pending.WINDOW else None


def before_carrying_out(question: Question, command: Command) -> None:
    """Memories come before questions in every transaction: see `deletions.delete`."""
    if command.do in (Do.REMEMBER, Do.TODO):
        lock_owner([question.owner_id])


def carry_out(question: Question, command: Command) -> str:
    """In the transaction that also stores the answer. Returns what to say."""
    return SAID.get(command.do) or _WAYS[command.do](question, command)


def _switch(question: Question, command: Command) -> str:
    contexts.switch(owner_id=question.owner_id, key=question.uid, space=command.space)
    return f"Switched to {command.space.value}."


def _list_windows(question: Question, command: Command) -> str:
    state = contexts.state_of(question.owner_id, question.uid)
    windows = contexts.windows_of(state)
    if not windows:
        return "All five windows are empty. “Select window 1” puts this conversation there."
    listed = (
        f"{slot}{' (open)' if slot == state.active_slot else ''}: {contexts.title_of(conversation)}"
        for slot, conversation in windows.items()
    )
    return f"Windows: {'; '.join(listed)}."


def _select(question: Question, command: Command) -> str:
    """An empty slot takes the conversation that goes on."""
    owner_id, uid = question.owner_id, question.uid
    windows = contexts.windows_of(contexts.state_of(owner_id, uid))
    if command.slot is None:
        contexts.ask_back(owner_id=owner_id, key=uid, pending=Pending.WINDOW)
        return f"{_list_windows(question, command)} {WHICH}" if windows else WHICH
    running = None
    if command.slot not in windows:
        running = contexts.newest_of(owner_id, uid)
        if running is None:
            return f"Window {command.slot} is empty, and there is no conversation to put there yet."
    chosen = contexts.activate(
        owner_id=owner_id,
        key=uid,
        slot=command.slot,
        conversation_id=running.pk if running else None,
    )
    return f"Window {command.slot}: {contexts.title_of(chosen)}."


def _cancel(question: Question, command: Command) -> str:
    waited = contexts.cancel(owner_id=question.owner_id, key=question.uid)
    return "Cancelled." if waited else "There is nothing to cancel."


def _clear(question: Question, command: Command) -> str:
    contexts.clear(owner_id=question.owner_id, key=question.uid)
    return "Context cleared."


def _remember(question: Question, command: Command) -> str:
    text, keys = command.text, list(question.segment_keys)
    if not text:
        said = TranscriptSegment.objects.before(question, JUST_SAID_WITHIN, JUST_SAID_LINES)
        text, keys = "\n".join(line.text for line in said), [line.key for line in said]
    if not text:
        return "There is nothing to save yet."
    _save(question, text=text, keys=keys)
    return f"Saved as a memory: {spaces.shortened(text)}"


def _todo(question: Question, command: Command) -> str:
    item = IncomingActionItem(command.text.rstrip(".! "))
    _save(question, text=command.text, keys=question.segment_keys, items=(item,))
    return f"Added to your to-dos: {spaces.shortened(item.description)}"


def _save(
    question: Question,
    *,
    text: str,
    keys: list[str],
    items: tuple[IncomingActionItem, ...] = (),
) -> None:
    """A note of the person's own. Its id is made of what triggered it, so that a replay finds it
    again, also where it was deleted meanwhile."""
    first_line = text.partition("\n")[0]
    save_memory(
        owner_id=question.owner_id,
        incoming=IncomingMemory(
            kind=MemoryKind.NOTE,
            source=SOURCE,
            source_id=f"{SOURCE}:{hashed(question.uid, question.trigger_key)}",
            occurred_at=question.asked_at,
            title=first_line if len(first_line) <= TITLE_CHARS else "",
            text=text,
            category="todo" if items else "note",
            action_items=items,
            segment_keys=tuple(keys),
            quote=question.quote,
        ),
        delivery_id=question.delivery_id,
    )


_WAYS: dict[Do, Callable[[Question, Command], str]] = {
    Do.SWITCH: _switch,
    Do.WINDOWS: _list_windows,
    Do.SELECT: _select,
    Do.NUMBER: _select,
    Do.CANCEL: _cancel,
    Do.CLEAR: _clear,
    Do.REMEMBER: _remember,
    Do.TODO: _todo,
}


def framed(question: Question, text: str) -> str:
    """A reply as it is spoken or pushed: the time and the space above it, and below it what the
    space is about."""
    state = contexts.state_of(question.owner_id, question.uid)
    zone = ZoneInfo(preferences_of(question.owner_id).time_zone)
    header = f"[{timezone.now().astimezone(zone):%H:%M} • Space: {state.space}]"
    return "\n".join(part for part in (header, text, _footer(state)) if part)


def _footer(state: ContextState) -> str:
    if state.space != Space.DEFAULT:
        return spaces.footer(state.owner_id, Space(state.space))
    window = contexts.active_of(state)
    return f"Window {state.active_slot}: {contexts.title_of(window)}" if window else ""
