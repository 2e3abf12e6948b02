"""Cron expressions on a person's own clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter
from django.core.exceptions import ValidationError

FIELDS = 5
MINUTE = timedelta(minutes=1)


def validate_cron(value: str) -> None:
    """Five fields; neither seconds nor nicknames nor a date that never comes."""
    if len(value.split()) != FIELDS or not croniter.is_valid(value):
        raise ValidationError("This is not a cron expression of five fields, such as 0 8 * * mon.")
    try:
        croniter(value, datetime(2000, 1, 1)).get_next()  # noqa: DTZ001 (any moment will do)
    except CroniterError as error:
        raise ValidationError("No such date ever comes.") from error


def latest_slot(cron: str, now: datetime, zone: str) -> datetime:
    """The last moment up to now that the expression names on a clock in that zone."""
    next_minute = now.astimezone(ZoneInfo(zone)).replace(second=0, microsecond=0) + MINUTE
    found: datetime = croniter(cron, next_minute).get_prev(datetime)
    return found
