"""The statements of an acknowledgement, on a connection of its own."""

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import orjson
from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from omibackend.core.errors import is_database_down
from omibackend.core.postgres.ids import uuid7
from omibackend.core.postgres.prepared import Prepared
from omibackend.core.request_id import current_request_id
from webhooks.inbox.provider import Incoming, Parsed, Proof, Provider, Stored

INGEST = "ingest"
DEDUP_KEY_CHARS = 200

INSERT_TYPES = """uuid, uuid, text, text, text, bytea, int, text, jsonb, jsonb, inet, text, text,
                  text, bigint, text, bool, text"""
INSERT = """
INSERT INTO webhooks_delivery
    (id, endpoint_id, event, dedup_key, body, body_sha256, body_bytes, content_type, headers,
     query, remote_addr, signature, request_id, state, subject, dialect,
     finished_at)
VALUES ($1, $2, $3, $4,
        CASE WHEN $17 THEN convert_to($5, 'UTF8') ELSE decode($5, 'base64') END,
        $6, $7, $8, $9, $10, $11, $12, $13, $14, $16, $18,
        CASE $14 WHEN 'ignored' THEN statement_timestamp() END)
ON CONFLICT DO NOTHING RETURNING id, {attention}
"""
COUNT_DUPLICATE = """
UPDATE webhooks_delivery SET
    duplicates = duplicates + 1,
    conflicts = conflicts + (body_sha256 <> %s)::int
WHERE endpoint_id = %s AND dedup_key = %s AND id <> %s RETURNING id
"""


def retried(statement: Callable[[BaseDatabaseWrapper], Any]) -> Any:
    """Runs one statement; once more on a fresh connection if the kept one had died, as after a
    restart of PostgreSQL."""
    connection = connections[INGEST]
    try:
        return statement(connection)
    except DatabaseError as error:
        if connection.in_atomic_block or not is_database_down(error):
            raise
        connection.close()
        return statement(connection)


def store(provider: Provider, proof: Proof, incoming: Incoming, parsed: Parsed) -> Stored:
    """One autocommit INSERT. A duplicate writes nothing but its count."""
    delivery_id, endpoint = uuid7(), proof.endpoint
    sha256 = hashlib.sha256(incoming.body).digest()
    key = _dedup_key(parsed.dedup_key)
    body, is_text = _as_text(incoming.body)
    values = [
        delivery_id,
        endpoint.id,
        parsed.event,
        key,
        body,
        sha256,
        len(incoming.body),
        incoming.content_type,
        orjson.dumps(incoming.headers).decode(),
        orjson.dumps(incoming.query).decode(),
        incoming.remote_addr,
        proof.signature,
        current_request_id(),
        "ignored" if parsed.ignored else "pending",
        endpoint.owner_id,
        parsed.subject,
        is_text,
        proof.dialect.name,
    ]
    row = retried(lambda connection: _insert(connection, provider, values))
    if row:
        return Stored(delivery_id, fresh=True, attentive=row[1])
    if key is None:  # only its own id can be in the way: the first try did commit
        return Stored(delivery_id, fresh=True)
    duplicate = [sha256, endpoint.id, key, delivery_id]
    first = retried(lambda connection: _one(connection, COUNT_DUPLICATE, duplicate))
    return Stored(first[0] if first else delivery_id, fresh=first is None)


def _as_text(body: bytes) -> tuple[str, bool]:
    """The driver sends bytes as hexadecimal, which costs a tenth of a long body's answer: UTF-8
    travels as the text that it is. Anything else as base64."""
    with suppress(UnicodeDecodeError):
        text = body.decode()
        if "\x00" not in text:
            return text, True
    return base64.b64encode(body).decode(), False


def _dedup_key(key: str | None) -> str | None:
    if key is None or len(key) <= DEDUP_KEY_CHARS:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


def _insert(connection: BaseDatabaseWrapper, provider: Provider, values: list[Any]) -> Any:
    """By the driver's own cursor: Django's wrapping costs as much as reading the request."""
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.cursor() as cursor:
        _insert_of(provider).execute(cursor, values)
        return cursor.fetchone()


@cache
def _insert_of(provider: Provider) -> Prepared:
    attention = provider.attention.format(owner="$15", subject="$16")
    return Prepared(f"ingest_{provider.name}", INSERT_TYPES, INSERT.format(attention=attention))


def _one(connection: BaseDatabaseWrapper, sql: str, values: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()
