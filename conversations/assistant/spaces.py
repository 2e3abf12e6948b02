"""What each space is about: the newest few of its things, for the model and for the last line of
a reply."""

from collections.abc import Callable, Iterable

from conversations.models import Conversation, Notification, Question, Space, TranscriptSegment
from memories.models import ActionItem, Memory
from omibackend.core.work.outbox import SendState

SHOWN = 3
GIVEN = 10
ITEM_CHARS = 40
# Where people are looked for.
NEWEST_CONVERSATIONS = 5


def items_of(owner_id: int, space: Space) -> tuple[str, list[str]]:
    """Under their heading, the newest first; the default space has none."""
    if space not in _ABOUT:
        return "", []
    heading, source = _ABOUT[space]
    return heading, list(source(owner_id))


def footer(owner_id: int, space: Space) -> str:
    heading, items = items_of(owner_id, space)
    shown = [shortened(item) for item in items[:SHOWN]]
    return f"{heading}: {' · '.join(shown)}" if shown else ""


def shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= ITEM_CHARS else f"{flat[: ITEM_CHARS - 1].rstrip()}…"


def _todos(owner_id: int) -> Iterable[str]:
    items = ActionItem.objects.filter(owner_id=owner_id, completed=False)
    return items.order_by("-id").values_list("description", flat=True)[:GIVEN]


def _memories(owner_id: int) -> Iterable[str]:
    newest = Memory.objects.filter(owner_id=owner_id).order_by("-occurred_at", "-id")[:GIVEN]
    return (memory.display_title for memory in newest)


def _notifications(owner_id: int) -> Iterable[str]:
    sent = Notification.objects.filter(owner_id=owner_id, send_state=SendState.SENT)
    return sent.order_by("-id").values_list("question__answer", flat=True)[:GIVEN]


def _last_asked(owner_id: int) -> Iterable[str]:
    asked = Question.objects.filter(owner_id=owner_id).exclude(answer="")
    return asked.order_by("-id").values_list("text", flat=True)[:1]


def _friends(owner_id: int) -> Iterable[str]:
    """The names of who was heard, as Omi recognised them."""
    spoken = Conversation.objects.filter(owner_id=owner_id, kind=Conversation.Kind.OMI)
    lately = list(spoken.values_list("pk", flat=True)[:NEWEST_CONVERSATIONS])
    others = TranscriptSegment.objects.filter(session__in=lately, is_user=False)
    return others.exclude(speaker_name="").values_list("speaker_name", flat=True).distinct()[:GIVEN]


_ABOUT: dict[Space, tuple[str, Callable[[int], Iterable[str]]]] = {
    Space.TODOS: ("Open to-dos", _todos),
    Space.TASKS: ("Open to-dos", _todos),
    Space.MEMORIES: ("Latest memories", _memories),
    Space.NOTIFICATIONS: ("Latest notifications", _notifications),
    Space.AGENT: ("Last asked", _last_asked),
    Space.FRIENDS: ("Heard lately", _friends),
}
