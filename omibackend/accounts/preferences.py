import time
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from omibackend.accounts.models import Preferences

SETTINGS = (
    *("listen_mode", "followup_window_ms", "activation_regex", "inject_memories"),
    *("meeting_transcribe", "mute", "quiet_hours_start", "quiet_hours_end", "time_zone"),
    "default_conversation",
)

RECENT_S = 3.0
MOST_RECENT = 4096
_recent: dict[int, tuple[float, Preferences]] = {}


def preferences_of(user_id: int) -> Preferences:
    """The person's own, or the defaults; those are not stored."""
    found = Preferences.objects.filter(user_id=user_id).first()
    return found or Preferences(user_id=user_id)


def recent_preferences_of(user_id: int) -> Preferences:
    """The same without a query for each webhook: a change acts within `RECENT_S`."""
    now = time.monotonic()
    kept = _recent.get(user_id)
    if kept and kept[0] > now:
        return kept[1]
    if len(_recent) >= MOST_RECENT:
        _recent.clear()
    preferences = preferences_of(user_id)
    _recent[user_id] = (now + RECENT_S, preferences)
    return preferences


def forget_recent() -> None:
    _recent.clear()


def save_preferences(user_id: int, values: dict[str, Any], *, whole: bool) -> Preferences:
    """With `whole` all that is not among the values goes back to its default."""
    fresh = Preferences()
    unsaid = {name: getattr(fresh, name) for name in SETTINGS} if whole else {}
    saved, _ = Preferences.objects.update_or_create(user_id=user_id, defaults={**unsaid, **values})
    _recent.pop(user_id, None)
    return saved


def _of_nobody(user_id: int, conversation_id: UUID) -> bool:
    return False


class Conversations:
    """What this app must know of the one above it, which sets it at the start."""

    belongs: ClassVar[Callable[[int, UUID], bool]] = staticmethod(_of_nobody)
