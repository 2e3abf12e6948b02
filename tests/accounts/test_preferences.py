from datetime import UTC, datetime, time
from typing import Any

import pytest

from omibackend.accounts.models import ListenMode, Preferences
from omibackend.accounts.preferences import preferences_of


@pytest.mark.django_db
def test_it_gives_defaults_without_storing_them(owner: Any) -> None:
    found = preferences_of(owner.pk)
    assert (found.user_id, found.listen_mode) == (owner.pk, ListenMode.TRIGGER)
    assert Preferences.objects.count() == 0


@pytest.mark.django_db
def test_it_gives_the_persons_own(owner: Any) -> None:
    Preferences.objects.create(user=owner, mute=True)
    assert preferences_of(owner.pk).mute is True


@pytest.mark.parametrize(
    ("start", "end", "clock", "quiet"),
    [
        ("22:00", "07:00", "23:59", True),
        ("22:00", "07:00", "06:59", True),
        ("22:00", "07:00", "07:00", False),
        ("22:00", "07:00", "21:59", False),
        ("22:00", "07:00", "22:00", True),
        ("12:00", "14:00", "13:00", True),
        ("12:00", "14:00", "14:00", False),
        ("12:00", "14:00", "11:59", False),
        ("08:00", "08:00", "08:00", False),
        (None, "08:00", "07:00", False),
        ("08:00", None, "09:00", False),
    ],
)
def test_it_is_quiet_between_the_hours(
    start: str | None, end: str | None, clock: str, quiet: bool
) -> None:
    preferences = Preferences(
        quiet_hours_start=start and time.fromisoformat(start),
        quiet_hours_end=end and time.fromisoformat(end),
    )
    at = datetime.combine(datetime(2026, 11, 20, tzinfo=UTC), time.fromisoformat(clock), UTC)
    assert preferences.is_quiet(at) is quiet


@pytest.mark.parametrize(("month", "quiet"), [(1, True), (7, False)])
def test_it_goes_by_the_persons_clock_in_summer_and_winter(month: int, quiet: bool) -> None:
    preferences = Preferences(
        quiet_hours_start=time(22), quiet_hours_end=time(7), time_zone="Europe/Paris"
    )
    assert preferences.is_quiet(datetime(2026, month, 10, 5, 30, tzinfo=UTC)) is quiet
