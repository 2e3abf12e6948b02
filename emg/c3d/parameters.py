"""The parameter section: named values in groups, linked by offsets that may lie."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emg.c3d.errors import DamagedC3D
from emg.c3d.processors import Processor

SECTION_HEADER_BYTES = 4
TEXT, BYTE, INTEGER, REAL = -1, 1, 2, 4


@dataclass(frozen=True)
class Parameter:
    """One record, decoded only when it is asked for: a spoiled one that nobody needs does no harm.

    https://c3d.org/HTML/Documents/parameterformat1.htm
    """

    name: str
    kind: int
    shape: tuple[int, ...]
    rest: memoryview
    processor: Processor

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def numbers(self, *, signed: bool = False) -> NDArray[np.float64]:
        """All elements in file order, shape (size,); 16-bit integers unsigned unless told."""
        if self.kind not in (BYTE, INTEGER, REAL):
            raise DamagedC3D(f"{self.name} holds no numbers.")
        if self.kind == REAL:
            stored = np.frombuffer(self._data(), self.processor.float32)
            return self.processor.floats(stored)
        if self.kind == BYTE:
            return np.frombuffer(self._data(), np.uint8).astype(np.float64)
        dtype = self.processor.int16 if signed else self.processor.uint16
        return np.frombuffer(self._data(), dtype).astype(np.float64)

    def texts(self) -> list[str]:
        """The first dimension is the length of each text."""
        if self.kind != TEXT:
            raise DamagedC3D(f"{self.name} holds no text.")
        data = self._data()
        length = self.shape[0] if self.shape else 1
        return (
            [text(data[at : at + length]) for at in range(0, len(data), length)] if length else []
        )

    def values(self) -> Sequence[str | int | float]:
        """Text as text, numbers as what they are; integers signed."""
        if self.kind == TEXT:
            return self.texts()
        numbers = self.numbers(signed=True).tolist()
        return numbers if self.kind == REAL else [int(number) for number in numbers]

    def _data(self) -> bytes:
        claimed_bytes = self.size * abs(self.kind)
        if claimed_bytes > len(self.rest):
            raise DamagedC3D(
                f"{self.name} claims {claimed_bytes:,} bytes, its record has {len(self.rest):,}."
            )
        return bytes(self.rest[:claimed_bytes])


def text(raw: bytes) -> str:
    """UTF-8 as the manual has it, else the code page of western Windows; always storable."""
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        decoded = raw.decode("cp1252", "replace")
    kept = decoded.strip(" \t\r\n\0")
    if kept.isprintable():
        return kept
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in kept
    )


class ParameterSection:
    """Looked up as `GROUP:NAME`, in capitals."""

    def __init__(self, found: Mapping[str, Parameter]) -> None:
        self._found = found

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self._found.values())

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def number(self, name: str) -> float | None:
        """The first element; None where there is no such parameter or it is empty."""
        found = self._found.get(name)
        return float(found.numbers()[0]) if found and found.size else None

    def numbers(self, name: str, *, signed: bool = False) -> NDArray[np.float64]:
        """`NAME` with its continuations `NAME2`, `NAME3` …, which hold what 255 could not.

        https://c3d.org/HTML/Documents/additionalanalogparameters.htm
        """
        parts = [part.numbers(signed=signed) for part in self._series(name)]
        return np.concatenate(parts) if parts else np.empty(0)

    def texts(self, name: str) -> list[str]:
        return [value for part in self._series(name) for value in part.texts()]

    def _series(self, name: str) -> Iterator[Parameter]:
        number = 1
        while found := self._found.get(name if number == 1 else f"{name}{number}"):
            yield found
            number += 1


def parse(section: bytes, processor: Processor) -> ParameterSection:
    """Reads the whole section; groups may come after what belongs to them.

    https://c3d.org/HTML/Documents/groupformat1.htm
    https://c3d.org/HTML/Documents/notesforprogrammersparametersandgroups.htm
    """
    groups: dict[int, str] = {}
    members: list[tuple[int, str, memoryview]] = []
    for group_id, name, body in _records(memoryview(section), processor):
        if group_id < 0:
            groups.setdefault(-group_id, name)
        else:
            members.append((group_id, name, body))
    found: dict[str, Parameter] = {}
    for group_id, name, body in members:
        if group_id in groups and len(body) >= 2:
            full_name = f"{groups[group_id]}:{name}"
            found.setdefault(full_name, _parameter(full_name, body, processor))
    return ParameterSection(found)


def _records(section: memoryview, processor: Processor) -> Iterator[tuple[int, str, memoryview]]:
    """(group id, name, what follows up to the next record).

    Each link leads forward and no two records share a byte, so whatever the lengths claim, the
    work is that of reading the section once.
    """
    order: Literal["big", "little"] = "big" if processor is Processor.MIPS else "little"
    at = SECTION_HEADER_BYTES
    while at + 2 <= len(section) and section[at]:
        link_at = at + 2 + abs(_int8(section[at]))
        if link_at + 2 > len(section):
            raise DamagedC3D("The parameter section ends inside a name.")
        link = int.from_bytes(section[link_at : link_at + 2], order)
        name = text(bytes(section[at + 2 : link_at])).upper()
        end = link_at + link if link else len(section)
        yield _int8(section[at + 1]), name, section[link_at + 2 : end]
        if not link:
            return
        at = link_at + link


def _parameter(name: str, body: memoryview, processor: Processor) -> Parameter:
    rest_at = 2 + body[1]
    shape = tuple(body[2:rest_at])
    return Parameter(name, _int8(body[0]), shape, body[rest_at:], processor)


def _int8(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
