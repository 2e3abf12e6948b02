"""What semantic search needs of PostgreSQL, and what to do where it is missing."""

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.core.management import CommandError
from django.db import connections

EXTENSION = "vector"
MISSING = "EMBEDDINGS_MODEL is set, but this PostgreSQL does not offer the extension pgvector."
HINT = (
    "Install it on the database's host (Debian: the package postgresql-<version>-pgvector) or "
    "have the provider allow the extension `vector`; or unset EMBEDDINGS_MODEL."
)


def is_available(using: str) -> bool:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = %s", [EXTENSION])
        return cursor.fetchone() is not None


def check(
    app_configs: Any = None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    if "default" not in (databases or ()) or is_available("default"):
        return []
    return [checks.Error(MISSING, hint=HINT, id="semantic.E001")]


def demand(apps: Any, schema_editor: Any) -> None:
    """The first step of the migration: the checks are skipped where it runs as part of `up`."""
    if not is_available(schema_editor.connection.alias):
        raise CommandError(f"{MISSING} {HINT}")
