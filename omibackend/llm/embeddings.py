"""Texts as vectors, by any server that speaks OpenAI's embeddings."""

import math
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from pydantic import BaseModel, ValidationError

from omibackend.core.logging import logger
from omibackend.llm.context import ModelError
from omibackend.llm.server import ServerAway, post

# pgvector keeps no longer ones.
MOST_DIMENSIONS = 16_000
CHECK = "Check EMBEDDINGS_MODEL, OPENAI_BASE_URL and OPENAI_API_KEY."

log = logger("model")

Vector = list[float]


class _Row(BaseModel):
    index: int
    embedding: Vector


class _Answer(BaseModel):
    data: list[_Row]


def vectors_of(texts: Sequence[str], *, timeout_s: float) -> list[Vector]:
    """One vector for each text, in one request, within `timeout_s`; or ModelError, which another
    try may mend. Takes no transaction, and must not be called inside one."""
    started = time.perf_counter()
    vectors = _read(_ask(texts, timeout_s), count=len(texts))
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    log.info("embedded", extra={"took_ms": took_ms, "count": len(texts)})
    return vectors


def _ask(texts: Sequence[str], timeout_s: float) -> bytes:
    asked: dict[str, Any] = {
        "model": settings.EMBEDDINGS_MODEL,
        "input": list(texts),
        "encoding_format": "float",
    }
    if settings.EMBEDDINGS_DIMENSIONS:
        asked["dimensions"] = settings.EMBEDDINGS_DIMENSIONS
    try:
        status, body = post("embeddings", asked, timeout_s=timeout_s)
    except TimeoutError as error:
        raise ModelError(f"The embeddings did not come within {timeout_s:g} s.") from error
    except ServerAway as error:
        raise ModelError(
            "The embeddings' server cannot be reached. Check OPENAI_BASE_URL."
        ) from error
    if status >= 400:
        raise ModelError(f"The embeddings' server answered {status}. {CHECK}")
    return body


def _read(body: bytes, *, count: int) -> list[Vector]:
    try:
        rows = sorted(_Answer.model_validate_json(body).data, key=lambda row: row.index)
    except ValidationError as error:
        raise ModelError("The embeddings were not in the agreed form.") from error
    vectors = [row.embedding for row in rows]
    lengths = {len(vector) for vector in vectors}
    if [row.index for row in rows] != list(range(count)) or len(lengths) != 1:
        raise ModelError("The embeddings are not one for each text.")
    if not 0 < lengths.pop() <= MOST_DIMENSIONS or not all(map(_is_usable, vectors)):
        raise ModelError("The embeddings' server gave vectors that cannot be compared.")
    return vectors


def _is_usable(vector: Vector) -> bool:
    """Finite as PostgreSQL keeps it, in 32 bits; of nothing but zeros the angle is unknown."""
    return all(math.isfinite(x) and abs(x) < 1e38 for x in vector) and any(vector)
