"""A person's figures: how much there is, when something last happened, and the last seven days."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone

from omibackend.accounts.preferences import preferences_of
from omibackend.core.postgres.ids import first_uuid7

DAYS = 7
# Beyond it counting would cost more than the exact figure is worth.
MOST_COUNTED = 100_000

_COUNT = "(SELECT count(*) FROM (SELECT {rows} LIMIT %(most)s) counted)"
_MESSAGES = """
    FROM conversations_conversation c JOIN conversations_message m ON m.conversation_id = c.id
    WHERE c.owner_id = %(owner)s"""
_ITEMS = "FROM memories_actionitem WHERE owner_id = %(owner)s AND "
# Of a shared endpoint only what became this person's.
_DELIVERIES = """
    FROM webhooks_endpoint e CROSS JOIN LATERAL (
        SELECT id, received_at FROM webhooks_delivery d WHERE d.endpoint_id = e.id {more}
    ) d WHERE e.owner_id = %(owner)s AND NOT e.shared"""
_SHARED = "FROM webhooks_delivery d WHERE d.person_id = %(owner)s {more}"

ROWS = {
    "memories": "FROM memories_memory WHERE owner_id = %(owner)s",
    "action_items_open": f"{_ITEMS} NOT completed",
    "action_items_done": f"{_ITEMS} completed",
    "conversations": "FROM conversations_conversation WHERE owner_id = %(owner)s",
    "messages": _MESSAGES,
    "sessions": "FROM conversations_omisession WHERE owner_id = %(owner)s",
    "endpoints": "FROM webhooks_endpoint WHERE owner_id = %(owner)s",
    "deliveries": (
        f"FROM (SELECT d.id {_DELIVERIES.format(more='')} "
        f"UNION ALL SELECT d.id {_SHARED.format(more='')}) d"
    ),
}
_COUNTS = ", ".join(_COUNT.format(rows=rows) for rows in ROWS.values())
_LAST = f"""
GREATEST(
    (SELECT max(occurred_at) FROM memories_memory
     WHERE owner_id = %(owner)s AND occurred_at <= statement_timestamp()),
    (SELECT max(last_message_at) FROM conversations_conversation WHERE owner_id = %(owner)s),
    (SELECT max(newest.received_at) FROM webhooks_endpoint e CROSS JOIN LATERAL (
        SELECT received_at FROM webhooks_delivery WHERE endpoint_id = e.id ORDER BY id DESC LIMIT 1
     ) newest WHERE e.owner_id = %(owner)s AND NOT e.shared),
    (SELECT d.received_at {_SHARED.format(more="")} ORDER BY d.id DESC LIMIT 1)
)
"""  # noqa: S608 (all of it is our own)
TOTALS = f"SELECT {_COUNTS}, {_LAST}"
# Days by the person's clock are of 23 to 25 hours: their bounds are counted here, not there.
_DAY = "SELECT {name!r}, width_bucket({what}, %({bounds})s::{kind}[]) AS day, count(*)"
_SINCE_ID = "AND d.id >= %(first_id)s AND d.id < %(last_id)s"
BY_DAY = " UNION ALL ".join(
    f"{_DAY.format(name=name, what=what, bounds=bounds, kind=kind)} {rows} GROUP BY day"
    for name, what, bounds, kind, rows in (
        (
            *("memories", "occurred_at", "moments", "timestamptz"),
            f"{ROWS['memories']} AND occurred_at >= %(first)s AND occurred_at < %(last)s",
        ),
        (
            *("messages", "m.occurred_at", "moments", "timestamptz"),
            f"{_MESSAGES} AND c.last_message_at >= %(first)s"
            " AND m.occurred_at >= %(first)s AND m.occurred_at < %(last)s",
        ),
        (
            *("sessions", "last_received_at", "moments", "timestamptz"),
            f"{ROWS['sessions']} AND last_received_at >= %(first)s AND last_received_at < %(last)s",
        ),
        (
            *("deliveries", "d.id", "ids", "uuid"),
            _DELIVERIES.format(more=_SINCE_ID),
        ),
        (
            *("deliveries", "d.id", "ids", "uuid"),
            _SHARED.format(more=_SINCE_ID),
        ),
    )
)
COUNTED_BY_DAY = ("memories", "messages", "sessions", "deliveries")


@dataclass(frozen=True)
class Stats:
    counts: dict[str, int]
    counted_up_to: int
    last_activity_at: datetime | None
    time_zone: str
    days: list[dict[str, Any]]


def of(owner_id: int) -> Stats:
    """In three statements, whose cost ends at `MOST_COUNTED` rows of each kind."""
    zone = preferences_of(owner_id).time_zone
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, {"owner": owner_id, "most": MOST_COUNTED})
        *counts, last = cursor.fetchone()
    return Stats(
        counts=dict(zip(ROWS, counts, strict=True)),
        counted_up_to=MOST_COUNTED,
        last_activity_at=last,
        time_zone=zone,
        days=_days(owner_id, ZoneInfo(zone)),
    )


def _days(owner_id: int, zone: ZoneInfo) -> list[dict[str, Any]]:
    dates = _dates(zone)
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
    found: list[dict[str, Any]] = [
        {"date": day, **dict.fromkeys(COUNTED_BY_DAY, 0)} for day in dates
    ]
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, values)
        for name, day, number in cursor:
            found[day - 1][name] += number
    return found


def _dates(zone: ZoneInfo) -> list[date]:
    today = timezone.now().astimezone(zone).date()
    return [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
