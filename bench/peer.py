"""The yardstick: the same durable acknowledgement as an experienced FastAPI user would write it.

One INSERT into a table like ours on a pool of asyncpg, committed before the answer; the signature
is checked over the raw body. It stores and no more: no endpoint from the database, no wake-up, no
log line, no parsing.
"""

import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
import orjson
from fastapi import FastAPI, HTTPException, Request, Response

from omibackend.core.postgres.ids import uuid7

POOL_SIZE = 8
TOKEN = os.environ["PEER_TOKEN"].encode()
SECRET = os.environ["PEER_SECRET"].encode()
ENDPOINT_ID = UUID(os.environ["PEER_ENDPOINT_ID"])
INSERT = """
INSERT INTO bench_peer
    (id, endpoint_id, event, dedup_key, body, body_sha256, body_bytes, content_type, headers,
     query, remote_addr, signature, request_id, state)
VALUES ($1, $2, 'realtime_transcript', $3, $4, $5, $6, $7, $8, $9, $10, 'valid', '', 'pending')
ON CONFLICT DO NOTHING RETURNING id
"""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=POOL_SIZE, max_size=POOL_SIZE
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/health/ready")
async def ready() -> Response:
    return Response()


@app.post("/webhooks/omi/{token}/")
async def receive(token: str, uid: str, request: Request) -> Response:
    body = await request.body()
    if not hmac.compare_digest(token.encode(), TOKEN) or not signed(request, uid, body):
        raise HTTPException(401)
    headers = request.headers
    async with app.state.pool.acquire() as connection:
        stored = await connection.fetchval(
            INSERT,
            uuid7(),
            ENDPOINT_ID,
            headers.get("idempotency-key"),
            body,
            hashlib.sha256(body).digest(),
            len(body),
            headers.get("content-type"),
            orjson.dumps(dict(headers)).decode(),
            orjson.dumps(dict(request.query_params)).decode(),
            request.client.host if request.client else None,
        )
    answer = b"{}" if stored else b'{"duplicate":true}'
    return Response(answer, media_type="application/json")


def signed(request: Request, uid: str, body: bytes) -> bool:
    fields = dict(
        part.partition("=")[::2] for part in request.headers.get("x-omi-signature", "").split(",")
    )
    message = f"{fields.get('t')}.{uid}.".encode() + body
    expected = hmac.new(SECRET, message, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, fields.get("v1", ""))
