"""Locks of one transaction have one order."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from omibackend.core.postgres.locks import Lock, OutOfOrder, lock, try_lock

pytestmark = pytest.mark.django_db(transaction=True)


def held() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT classid::int FROM pg_locks
            WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1"""
        )
        return [row[0] for row in cursor]


def test_it_takes_them_in_order_however_they_are_named() -> None:
    with transaction.atomic():
        lock((Lock.WEARABLE, "1:b"), (Lock.OWNERS_MEMORIES, "1"), (Lock.WEARABLE, "1:a"))
        assert held() == [Lock.OWNERS_MEMORIES, Lock.WEARABLE, Lock.WEARABLE]
    assert held() == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((Lock.WEARABLE, "1:a"), (Lock.OWNERS_MEMORIES, "1")),
        ((Lock.WEARABLE, "1:b"), (Lock.WEARABLE, "1:a")),
    ],
)
def test_it_refuses_a_lower_one_after_a_higher(
    first: tuple[Lock, str], second: tuple[Lock, str]
) -> None:
    with transaction.atomic():
        lock(first)
        with pytest.raises(OutOfOrder):
            lock(second)


def test_it_takes_one_again_that_it_holds() -> None:
    with transaction.atomic():
        lock((Lock.OWNERS_MEMORIES, "1"))
        lock((Lock.WEARABLE, "1:a"))
        lock((Lock.OWNERS_MEMORIES, "1"))


def test_it_begins_anew_in_the_next_transaction() -> None:
    for key in ((Lock.WEARABLE, "1:a"), (Lock.OWNERS_MEMORIES, "1")):
        with transaction.atomic():
            lock(key)


def test_it_wants_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        lock((Lock.WEARABLE, "1:a"))


def test_it_says_whether_one_was_free(two: Callable[[], int]) -> None:
    with try_lock(Lock.FILE_CONTENT, "abc") as free:
        assert free
        assert two() == 0
    assert two() == 1


@pytest.fixture
def two() -> Callable[[], int]:
    """Whether another connection gets the lock."""

    def ask() -> int:
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_try_advisory_lock(%s, hashtext(%s))", [Lock.FILE_CONTENT, "abc"]
                )
                return int(cursor.fetchone()[0])
        finally:
            other.close()

    return ask
