"""The time, which is the database's: several hosts never agree on theirs."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """As it is right now, also late in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: tuple[datetime] = cursor.fetchone()
    return found[0]
