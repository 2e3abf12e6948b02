"""Statements that a connection plans once: planning a short one costs more than its rows."""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

# What each connection knows, as long as it lives. A rollback does not undo it.
_known: "WeakKeyDictionary[Any, set[str]]" = WeakKeyDictionary()


class Prepared:
    """A statement of PostgreSQL with its parameters as `$1`, `$2`, …

    `name` must be its own on a connection; `types` are the parameters' SQL types.
    """

    def __init__(self, name: str, types: str, sql: str) -> None:
        self.name = name
        self._prepare = f"PREPARE {name} ({types}) AS {sql}"
        places = ", ".join(["%s"] * len(types.split(",")))
        self._execute = f"EXECUTE {name} ({places})"

    def execute(self, cursor: Any, values: Sequence[Any]) -> None:
        """On a cursor of Django's or of the driver's own."""
        known = _known.setdefault(cursor.connection, set())
        if self.name not in known:
            cursor.execute(self._prepare)
            known.add(self.name)
        cursor.execute(self._execute, values)
