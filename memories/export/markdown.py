"""Memories as a folder of Markdown notes, as Obsidian and its like read them."""

import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import yaml
from django.db.models import Prefetch, QuerySet

from memories.models import ActionItem, Event, Memory, Tombstone
from memories.saving.history import FLAGS
from memories.saving.similar import similar_ids
from omibackend.core.api.pages import in_chunks

# What some file system or a wiki-link cannot have in a name.
UNSAFE = dict.fromkeys(map(ord, '\\/:*?"<>|#^[]%'), " ")
# A name ends in a date and an id; file systems end it at 255 bytes.
MOST_TITLE_BYTES = 160
# In front of a note.
WORDS_ABOUT = ("title", "kind", "category", "emoji", "source")
MOMENTS = ("occurred_at", "created_at", "updated_at")
ZIP_CHUNK_BYTES = 16 * 1024
# Ten times as fast, where PyYAML was built with libyaml.
FAST_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Outlet:
    """A file that cannot be sought in, whose contents are taken away while it is written."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def write(self, data: bytes) -> int:
        self.waiting += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


def as_vault(memories: QuerySet[Memory]) -> Iterator[bytes]:
    """A zip, one note for each memory. Only its table of contents grows in memory, by less than a
    kilobyte for each."""
    outlet = _Outlet()
    merged = Prefetch("merged", Tombstone.objects.exclude(memory_id=None).order_by("pk"))
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as vault:  # type: ignore[call-overload]
        for chunk in in_chunks(memories.prefetch_related(merged)):
            names = _names_of_similar(chunk)
            for memory in chunk:
                entry = zipfile.ZipInfo(_path(memory), _stamp(memory.updated_at))
                entry.compress_type = zipfile.ZIP_DEFLATED
                vault.writestr(entry, note(memory, names))
                if len(outlet.waiting) >= ZIP_CHUNK_BYTES:
                    yield outlet.take()
    yield outlet.take()


def _stamp(at: datetime) -> tuple[int, int, int, int, int, int]:
    return (max(at.year, 1980), at.month, at.day, at.hour, at.minute, at.second)


def _path(memory: Memory) -> str:
    return f"{memory.occurred_at:%Y/%m}/{name_of(memory)}.md"


def name_of(memory: Memory) -> str:
    """By which notes link to each other, wherever in the vault they are."""
    spaced = memory.display_title.translate(UNSAFE)
    plain = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in spaced)
    title = " ".join(plain.split()).encode()[:MOST_TITLE_BYTES].decode(errors="ignore")
    return f"{memory.occurred_at:%Y-%m-%d} {title.strip('. ')} {memory.pk.hex[-12:]}"


def _names_of_similar(chunk: Iterable[Memory]) -> dict[UUID, str]:
    linked = {(memory.owner_id, pk) for memory in chunk for pk in similar_ids(memory)}
    if not linked:
        return {}
    found = Memory.objects.filter(
        owner_id__in={owner_id for owner_id, _ in linked}, pk__in={pk for _, pk in linked}
    )
    light = found.only("kind", "title", "text", "occurred_at")
    return {memory.pk: name_of(memory) for memory in light}


def note(memory: Memory, names: Mapping[UUID, str]) -> str:
    front = yaml.dump(
        _front(memory), Dumper=FAST_DUMPER, allow_unicode=True, sort_keys=False, width=2**30
    )
    links = [f"- [[{names[pk]}]]" for pk in similar_ids(memory) if pk in names]
    items = sorted(memory.action_items.all(), key=attrgetter("pk"))
    parts = [
        f"# {_line(f'{memory.emoji} {memory.display_title}')}",
        memory.text.strip(),
        _section("Action items", map(_item, items)),
        _section("Events", map(_event, memory.events.all())),
        _section("Similar", links),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _front(memory: Memory) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": str(memory.pk),
        **{name: getattr(memory, name) for name in WORDS_ABOUT},
        **{name: getattr(memory, name).isoformat() for name in MOMENTS},
        **{name: getattr(memory, name) for name in ("edited", *FLAGS)},
        "merged": [str(tombstone.memory_id) for tombstone in memory.merged.all()],
    }
    return {name: value for name, value in given.items() if value}


def _section(title: str, lines: Iterable[str]) -> str:
    listed = list(lines)
    return "\n".join([f"## {title}", "", *listed]) if listed else ""


def _item(item: ActionItem) -> str:
    due = f" (due {item.due_at:%Y-%m-%d})" if item.due_at else ""
    return f"- [{'x' if item.completed else ' '}] {_line(item.description)}{due}"


def _event(event: Event) -> str:
    when = f"{event.starts_at:%Y-%m-%d %H:%M}"
    return f"- {when} {_line(event.title)} ({event.duration_minutes} min)"


def _line(text: str) -> str:
    return " ".join(text.split())
