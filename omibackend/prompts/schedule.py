"""Cron expressions on a person's own clock, as Debian's cron takes them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.core.exceptions import ValidationError

FIELDS = 5
SECOND = timedelta(seconds=1)
EXPECTED = "This is not a cron expression of five fields, such as 0 8 * * mon"


def validate_cron(value: str) -> None:
    """Five fields; neither seconds nor nicknames nor a date that never comes."""
    if len(value.split()) != FIELDS:
        raise ValidationError(f"{EXPECTED}.")
    try:
        CronSim(value, datetime.now(UTC))
    except CronSimError as error:
        raise ValidationError(f"{EXPECTED}: {error}.") from error


def latest_slot(cron: str, now: datetime, zone: str) -> datetime:
    """The last moment up to now that the expression names on a clock in that zone. What has an
    hour of its own comes once a day also when clocks change."""
    after = (now + SECOND).astimezone(ZoneInfo(zone))
    return next(CronSim(cron, after, reverse=True))
