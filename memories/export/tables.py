"""A person's memories to take away, whatever their number: written while they are read."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from django.db.models import QuerySet

from memories.api.serializers import MemorySerializer
from memories.models import Memory
from omibackend.core.api.pages import in_chunks

COLUMNS = (
    *("id", "kind", "occurred_at", "title", "text", "category", "emoji", "source", "pinned"),
    *("private", "wrong", "edited", "created_at", "updated_at", "action_items", "events"),
)
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(memories: QuerySet[Memory]) -> Iterator[bytes]:
    """An array, each memory as the API shows it."""
    opening = b"[\n"
    for memory in _shown(memories):
        yield opening + orjson.dumps(memory)
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"


class _Line:
    """What csv writes to, to be handed on."""

    def write(self, text: str) -> bytes:
        return text.encode()


def as_csv(memories: QuerySet[Memory]) -> Iterator[bytes]:
    # With the mark by which spreadsheets know UTF-8.
    yield b"\xef\xbb\xbf"
    lines = csv.writer(_Line())
    yield lines.writerow(COLUMNS)
    for memory in _shown(memories):
        memory["action_items"] = "\n".join(map(_item, memory["action_items"]))
        memory["events"] = "\n".join(map(_event, memory["events"]))
        yield lines.writerow(cells(memory[name] for name in COLUMNS))


def cells(values: Iterable[Any]) -> Sequence[str]:
    """No cell that a spreadsheet would run."""
    texts = [str(value) for value in values]
    return [f"'{text}" if text.startswith(FORMULA) else text for text in texts]


def _shown(memories: QuerySet[Memory]) -> Iterator[dict[str, Any]]:
    for chunk in in_chunks(memories):
        yield from map(dict, MemorySerializer(chunk, many=True).data)


def _item(item: dict[str, Any]) -> str:
    due = f" (due {item['due_at']})" if item["due_at"] else ""
    return f"[{'x' if item['completed'] else ' '}] {item['description']}{due}"


def _event(event: dict[str, Any]) -> str:
    return f"{event['starts_at']} {event['title']} ({event['duration_minutes']} min)"
