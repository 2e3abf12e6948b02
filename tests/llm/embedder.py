"""Embeddings by the words of a text: those of one meaning share a dimension."""

import json
import re
import zlib
from typing import Any

from tests.llm.server import Handler

WORDS = 1024
MEANINGS = ("car automobile vehicle", "doctor physician", "buy purchase", "lake water")
BY_WORD = {word: n for n, words in enumerate(MEANINGS) for word in words.split()}


def vector(text: str) -> list[float]:
    counted = [0.0] * (len(MEANINGS) + WORDS)
    for word in re.findall(r"\w+", text.lower()):
        known = BY_WORD.get(word)
        place = len(MEANINGS) + zlib.crc32(word.encode()) % WORDS if known is None else known
        counted[place] += 1.0
    return counted


def rows(texts: list[str]) -> list[dict[str, Any]]:
    return [
        {"object": "embedding", "index": n, "embedding": vector(t)} for n, t in enumerate(texts)
    ]


def embedding(handler: Handler) -> None:
    found = rows(handler.server.asked[-1]["input"])
    body = {"object": "list", "model": "bag", "data": found[::-1]}
    handler.send(200, json.dumps(body).encode())


def refusing(word: str) -> Any:
    """Refuses every request with a text that holds this word."""

    def answering(handler: Handler) -> None:
        if any(word in text for text in handler.server.asked[-1]["input"]):
            handler.send(400, b'{"error": {"message": "no"}}')
        else:
            embedding(handler)

    return answering
