"""A person's memories to take away, as the API shows them, whatever their number: written while
they are read."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from omibackend.core.text import csv_cell

COLUMNS = (
    *("id", "kind", "occurred_at", "title", "text", "category", "emoji", "source", "pinned"),
    *("private", "wrong", "edited", "created_at", "updated_at", "action_items", "events"),
)


def as_json(memories: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    opening = b"[\n"
    for memory in memories:
        yield opening + orjson.dumps(memory)
        opening = b",\n"
    yield b"\n]\n" if opening == b",\n" else b"[]\n"


class _Line:
    """What csv writes to, to be handed on."""

    def write(self, text: str) -> bytes:
        return text.encode()


def as_csv(memories: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    # With the mark by which spreadsheets know UTF-8.
    yield b"\xef\xbb\xbf"
    lines = csv.writer(_Line())
    yield lines.writerow(COLUMNS)
    for memory in memories:
        listed = {
            "action_items": "\n".join(map(_item, memory["action_items"])),
            "events": "\n".join(map(_event, memory["events"])),
        }
        yield lines.writerow([csv_cell({**memory, **listed}[name]) for name in COLUMNS])


def _item(item: dict[str, Any]) -> str:
    due = f" (due {item['due_at']})" if item["due_at"] else ""
    return f"[{'x' if item['completed'] else ' '}] {item['description']}{due}"


def _event(event: dict[str, Any]) -> str:
    return f"{event['starts_at']} {event['title']} ({event['duration_minutes']} min)"
