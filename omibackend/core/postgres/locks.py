"""Locks that hold until the transaction ends, taken in one order, which is what rules out that
two transactions wait for each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import NamedTuple
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.transaction import Atomic

from omibackend.core.postgres.prepared import Prepared


class Lock(IntEnum):
    """What can be locked, in the order in which one transaction may take them."""

    FILE_CONTENT = 1
    OWNERS_MEMORIES = 2
    STORED_OBJECT = 3
    WEARABLE = 4
    RECIPIENT = 5
    PERSONS_PROMPT = 6


class Key(NamedTuple):
    lock: Lock
    name: str


class OutOfOrder(AssertionError):
    """A transaction took a lower lock after a higher one."""


class Order:
    """Checks the order in tests, where a deadlock would be a matter of luck."""

    checked = False
    taken: "WeakKeyDictionary[Atomic, set[Key]]" = WeakKeyDictionary()

    @classmethod
    def check(cls, keys: list[Key], using: str) -> None:
        blocks: list[Atomic] = connections[using].atomic_blocks
        # A test's own transaction holds what belongs to many of the product's.
        outermost = next(
            (block for block in blocks if not getattr(block, "_from_testcase", False)), None
        )
        if outermost is None:
            return
        held = cls.taken.setdefault(outermost, set())
        fresh = set(keys) - held
        if held and fresh and min(fresh) < max(held):
            raise OutOfOrder(f"{min(fresh)} was taken after {max(held)}.")
        held |= fresh


_LOCK = Prepared(
    "take_locks",
    "int[], text[]",
    "SELECT pg_advisory_xact_lock(k.lock, hashtext(k.name)) FROM unnest($1, $2) k(lock, name)",
)


def lock(*keys: tuple[Lock, str], using: str = DEFAULT_DB_ALIAS) -> None:
    """Waits for all of these, in the caller's transaction. A transaction that needs several of a
    kind names them at once. Two names with one hash only wait for each other needlessly. Without
    a transaction, an error: they would be gone before they could matter."""
    if not connections[using].in_atomic_block:
        raise transaction.TransactionManagementError("A lock holds as long as its transaction.")
    wanted = sorted({Key(*key) for key in keys})
    if Order.checked:
        Order.check(wanted, using)
    with connections[using].cursor() as cursor:
        _LOCK.execute(cursor, [[key.lock.value for key in wanted], [key.name for key in wanted]])


@contextmanager
def try_lock(lock: Lock, name: str) -> Iterator[bool]:
    """Without waiting and without a transaction: whether it was free, and is held until the end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [lock, name])
        (held,) = cursor.fetchone()
        try:
            yield bool(held)
        finally:
            if held:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [lock, name])
