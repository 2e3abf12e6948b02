"""A person's figures: how much there is, when something last happened, and the last seven days."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from omibackend.accounts.preferences import preferences_of
from omibackend.core import manifest
from omibackend.core.manifest import Daily
from omibackend.core.postgres.ids import first_uuid7

DAYS = 7
# Beyond it counting would cost more than the exact figure is worth.
MOST_COUNTED = 100_000
STATS = [stat for app in manifest.installed() for stat in app.stats]
DAILY = [stat for stat in STATS if stat.daily]
BOUNDS = {"moments": ("timestamptz", "first", "last"), "ids": ("uuid", "first_id", "last_id")}


def _count(rows: str) -> str:
    return f"(SELECT count(*) FROM (SELECT {rows} LIMIT %(most)s) counted)"  # noqa: S608 (our own)


def _by_day(name: str, daily: Daily) -> str:
    """A person's days are of 23 to 25 hours: their bounds are counted here, not there."""
    kind, first, last = BOUNDS[daily.by]
    return f"""
        SELECT {name!r}, width_bucket({daily.column}, %({daily.by})s::{kind}[]) AS day, count(*)
        {daily.rows} AND {daily.column} >= %({first})s AND {daily.column} < %({last})s
        GROUP BY day"""


_COUNTS = ", ".join(_count(stat.rows) for stat in STATS)
_LAST = ", ".join(f"({last})" for stat in STATS for last in stat.last)
TOTALS = f"SELECT {_COUNTS}, GREATEST({_LAST})"
BY_DAY = " UNION ALL ".join(_by_day(stat.name, daily) for stat in DAILY for daily in stat.daily)


def of(owner_id: int) -> dict[str, Any]:
    """In three statements, whose cost ends at `MOST_COUNTED` rows of each kind."""
    zone = preferences_of(owner_id).time_zone
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, {"owner": owner_id, "most": MOST_COUNTED})
        *counts, last = cursor.fetchone()
    return {
        "counts": dict(zip((stat.name for stat in STATS), counts, strict=True)),
        "counted_up_to": MOST_COUNTED,
        "last_activity_at": last,
        "time_zone": zone,
        "days": _days(owner_id, ZoneInfo(zone)),
    }


def _days(owner_id: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    today = timezone.now().astimezone(zone).date()
    dates = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    moments = [datetime.combine(day, time(), zone) for day in dates]
    moments.append(datetime.combine(dates[-1] + timedelta(days=1), time(), zone))
    ids = [first_uuid7(moment) for moment in moments]
    values: dict[str, Any] = {
        "owner": owner_id,
        "moments": moments,
        "ids": [str(pk) for pk in ids],
        "first": moments[0],
        "last": moments[-1],
        "first_id": ids[0],
        "last_id": ids[-1],
    }
    none = dict.fromkeys((stat.name for stat in DAILY), 0)
    found: list[dict[str, Any]] = [{"date": day, **none} for day in dates]
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, values)
        for name, day, number in cursor:
            found[day - 1][name] += number
    return found
