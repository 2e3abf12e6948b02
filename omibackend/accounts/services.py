from omibackend.accounts.models import Preferences


def preferences_of(user_id: int) -> Preferences:
    """The person's own, or the defaults; those are not stored."""
    found = Preferences.objects.filter(user_id=user_id).first()
    return found or Preferences(user_id=user_id)
