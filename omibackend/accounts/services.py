import time

from omibackend.accounts.models import Preferences

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
