"""A person's words, and every place where they could still be found."""

import base64
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from omibackend.core.redis import soft_redis
from tests.conftest import payload

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(9)


def with_photo() -> dict[str, Any]:
    """Omi's memory, with a picture in it."""
    photo = {"id": "p1", "base64": base64.b64encode(PICTURE).decode(), "description": "The river"}
    return {**payload("omi/memory_created__full"), "photos": [photo]}


def dump() -> dict[str, str]:
    """Every column of every table as text, bytes included: what a database dump holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name <> 'django_migrations'"
        )
        found = {}
        for table, column in cursor.fetchall():
            shown = (
                f"encode(\"{column}\"::bytea, 'escape')"
                if _is_bytes(table, column)
                else f'"{column}"::text'
            )
            cursor.execute(f'SELECT string_agg({shown}, chr(10)) FROM "{table}"')  # noqa: S608
            found[f"{table}.{column}"] = cursor.fetchone()[0] or ""
    return found


def _is_bytes(table: str, column: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND column_name = %s",
            [table, column],
        )
        return bool(cursor.fetchone()[0] == "bytea")


def redis_dump() -> str:
    redis = soft_redis.client()
    return " ".join(f"{key!r} {redis.dump(key)!r}" for key in redis.scan_iter())


def files() -> dict[str, bytes]:
    roots = [Path(settings.MEDIA_ROOT), Path(settings.LOG_DIR)]
    found = (path for root in roots for path in root.rglob("*"))
    return {str(path): path.read_bytes() for path in found if path.is_file()}


def places(*canaries: str) -> set[str]:
    """Where any of these words is still to be found."""
    hits = {
        name
        for name, text in dump().items()
        for canary in canaries
        if canary.lower() in text.lower()
    }
    kept = redis_dump().lower()
    hits |= {"redis" for canary in canaries if canary.lower() in kept}
    for name, content in files().items():
        hits |= {name for canary in canaries if canary in name or canary.encode() in content}
    return hits
