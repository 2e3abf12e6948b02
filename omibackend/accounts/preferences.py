from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from omibackend.accounts.models import Preferences
from omibackend.core.recent import Recent

SETTINGS = (
    *("listen_mode", "followup_window_ms", "activation_regex", "inject_memories"),
    *("meeting_transcribe", "mute", "quiet_hours_start", "quiet_hours_end", "time_zone"),
    "default_conversation",
)


def preferences_of(user_id: int) -> Preferences:
    """The person's own, or the defaults; those are not stored."""
    found = Preferences.objects.filter(user_id=user_id).first()
    return found or Preferences(user_id=user_id)


# The same without a query for each webhook.
_recent = Recent(preferences_of)
recent_preferences_of = _recent.find
forget_recent = _recent.clear


def save_preferences(user_id: int, values: dict[str, Any], *, whole: bool) -> Preferences:
    """With `whole` all that is not among the values goes back to its default."""
    fresh = Preferences()
    unsaid = {name: getattr(fresh, name) for name in SETTINGS} if whole else {}
    saved, _ = Preferences.objects.update_or_create(user_id=user_id, defaults={**unsaid, **values})
    _recent.forget(user_id)
    return saved


def _of_nobody(user_id: int, conversation_id: UUID) -> bool:
    return False


class Conversations:
    """What this app must know of the one above it, which sets it at the start."""

    belongs: ClassVar[Callable[[int, UUID], bool]] = staticmethod(_of_nobody)
