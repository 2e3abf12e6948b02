"""The acknowledgement: read, prove, parse, store in one statement, wake, answer.

A 2xx is sent only after the row is committed. Its cost does not grow with the number of
messages in the body, and Redis cannot change it.
"""

import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import IntegrityError, connections
from django.http import HttpRequest, HttpResponse, UnreadablePostError

from omibackend.core.errors import Refused, is_database_down
from omibackend.core.http.addresses import client_address
from omibackend.core.logging import logger
from omibackend.core.redis import metrics, soft_redis
from omibackend.core.text import storable
from omibackend.core.work import lanes
from webhooks.inbox import authentication, refusals
from webhooks.inbox.fast_path.statements import INGEST, store
from webhooks.inbox.provider import (
    Incoming,
    KnownEndpoint,
    Parsed,
    Proof,
    Provider,
    Stored,
    unsupported,
)
from webhooks.models import Endpoint

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
SECRET_WORDS = ("token", "secret", "password", "api-key", "apikey")
MOST_QUERY_FIELDS = 100
RETRY_AFTER_S = 5

log = logger("receiver")


def receive(request: HttpRequest, provider: Provider, token: str | None) -> HttpResponse:
    """One webhook request, from raw bytes to its answer."""
    started = time.perf_counter()
    endpoint: KnownEndpoint | None = None
    incoming: Incoming | None = None
    refuse: Callable[[Refused], HttpResponse] = Refused.response
    try:
        offered = authentication.offered_token(request, token)
        found = authentication.candidates(provider, offered)
        endpoint = found[0] if offered else None
        incoming = read(request, provider)
        proof = authentication.authenticate(provider, found, incoming, by_token=bool(offered))
        endpoint, refuse = proof.endpoint, proof.dialect.refuse
        authentication.check_rate(endpoint)
        parsed = proof.dialect.parse(incoming, endpoint.settings)
        if endpoint.shared and provider.place:
            endpoint, parsed = provider.place(endpoint, incoming, parsed)
            proof = proof._replace(endpoint=endpoint)
        stored = None if parsed.counted else store(provider, proof, incoming, parsed)
    except Refused as refused:
        refusals.note(endpoint.id if endpoint else None, refused, incoming)
        response = refuse(refused)
    except IntegrityError:
        authentication.cache.clear()  # deleted since it was last looked up
        response = refuse(authentication.unknown(provider))
    except DatabaseError as error:
        if not is_database_down(error):
            raise
        response = refuse(_database_down(endpoint, incoming, error))
    else:
        if stored is None:
            _count(endpoint, parsed, incoming)
        elif stored.fresh and not parsed.ignored and settings.ENABLE_BACKGROUND_JOBS:
            lanes.waker().mark("inbox")
        metrics.acknowledged(provider.name, (time.perf_counter() - started) * 1000)
        return proof.dialect.respond(endpoint, incoming, parsed, stored)
    metrics.refused(provider.name, response.status_code)
    return response


def store_own(
    endpoint: Endpoint,
    body: bytes,
    *,
    key: str,
    provider: Provider,
    dialect: str | None = None,
    query: Mapping[str, str] | None = None,
    events: Container[str] = (),
) -> Stored:
    """JSON that we fetched or made ourselves, on the way of what is sent; `key` tells what was
    stored before. Refused: too large, or none of the `events`. Waking the inbox is the caller's."""
    if len(body) > settings.MAX_REQUEST_SIZE_BYTES:
        raise Refused(413, "too_large", "larger than MAX_REQUEST_SIZE")
    headers = {"idempotency-key": key}
    incoming = Incoming(body, "application/json", headers, query or {}, remote_addr=None)
    known = authentication.known(provider, endpoint)
    spoken = provider.dialect(dialect) if dialect else provider.dialects[0]
    parsed = spoken.parse(incoming, known.settings)
    if events and parsed.event not in events:
        raise Refused(400, "unrecognised", f"{provider.label} sends this as {parsed.event}")
    return store(provider, Proof(known, spoken), incoming, replace(parsed, dedup_key=key))


def read(request: HttpRequest, provider: Provider) -> Incoming:
    """The request's bytes, refused by their announced size before any of them is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        raise Refused(411, "length_required", "Send a Content-Length header.")
    if int(length) > settings.MAX_REQUEST_SIZE_BYTES:
        limit = settings.MAX_REQUEST_SIZE_BYTES
        raise Refused(
            413, "too_large", f"The body is larger than {limit} bytes (MAX_REQUEST_SIZE)."
        )
    content_type = (request.content_type or "").lower()
    if content_type not in provider.content_types:
        raise unsupported(provider.content_types)
    try:
        body = request.body
    except UnreadablePostError as error:
        raise Refused(400, "incomplete", "The body ended before its Content-Length.") from error
    if len(body) != int(length):
        raise Refused(400, "incomplete", "The body is shorter than its Content-Length.")
    return Incoming(
        body=body,
        content_type=content_type,
        headers=masked_headers(request.META, secret=provider.proof_headers),
        query=_query(request.META.get("QUERY_STRING", "")),
        remote_addr=client_address(request),
        proof=_proof(request.META, provider),
        url=request.build_absolute_uri,
    )


def _proof(meta: Mapping[str, Any], provider: Provider) -> dict[str, str]:
    keys = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in provider.proof_headers}
    return {name: meta[key] for name, key in keys.items() if key in meta}


def _query(raw: str) -> dict[str, str]:
    """By hand: a QueryDict costs as much as the signature. WSGI hands bytes over as latin-1."""
    try:
        text = raw.encode("latin-1", "replace").decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError as error:
        raise Refused(400, "bad_query", f"More than {MOST_QUERY_FIELDS} parameters.") from error
    return {storable(name): storable(value) for name, value in pairs if name != "token"}


def masked_headers(meta: Mapping[str, Any], *, secret: Sequence[str] = ()) -> dict[str, str]:
    """Header names in lower case; of a secret only the last four characters stay."""
    headers = {}
    for key, value in meta.items():
        if key.startswith("HTTP_"):
            name = key[5:].replace("_", "-").lower()
        elif key == "CONTENT_TYPE":
            name = "content-type"
        else:
            continue
        is_secret = name in secret or _is_secret(name)
        headers[name] = _masked(value) if is_secret else storable(value)
    return headers


def _is_secret(name: str) -> bool:
    return name in SECRET_HEADERS or any(word in name for word in SECRET_WORDS)


def _masked(value: str) -> str:
    return "••••" + (storable(value[-4:]) if len(value) >= 16 else "")


def _database_down(
    endpoint: KnownEndpoint | None, incoming: Incoming | None, error: Exception
) -> Refused:
    connections[INGEST].close()
    log.error("delivery not stored", exc_info=error)
    refused = Refused(
        503, "unavailable", "Not stored. Send it again later.", retry_after_s=RETRY_AFTER_S
    )
    refusals.note(endpoint.id if endpoint else None, refused, incoming)
    return refused


def _count(endpoint: KnownEndpoint, parsed: Parsed, incoming: Incoming) -> None:
    key = f"counted:{endpoint.id}"
    soft_redis.pipeline(
        lambda pipe: (
            pipe.hincrby(key, f"{parsed.event}:requests", 1),
            pipe.hincrby(key, f"{parsed.event}:bytes", len(incoming.body)),
        )
    )
