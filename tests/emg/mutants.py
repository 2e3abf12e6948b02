"""Files spoiled at random, the same ones for the same seed."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.emg.c3d_files import BLOCK_BYTES, C3DFile

EDGES = (0, 1, 2, 127, 128, 254, 255)


@dataclass(frozen=True)
class Mutant:
    how: str
    encoded: bytes

    @property
    def is_cut(self) -> bool:
        return self.how == "cut"


def of(seeds: Sequence[C3DFile], count: int, *, seed: int) -> Iterator[Mutant]:
    """`count` mutants, every way in turn. A seed must not be padded: a cut has to cost samples."""
    chance = random.Random(seed)
    ways = list(WAYS.items())
    encoded = [(file.encoded(), file.data_at) for file in seeds]
    for number in range(count):
        how, spoil = ways[number % len(ways)]
        file, data_at = chance.choice(encoded)
        yield Mutant(how, bytes(spoil(bytearray(file), data_at, chance)))


def _flip_bits(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        file[chance.randrange(data_at)] ^= 1 << chance.randrange(8)
    return file


def _put_edges(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 6)):
        file[chance.randrange(BLOCK_BYTES, data_at)] = chance.choice(EDGES)
    return file


def _edit_header(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    word = 2 * chance.randrange(1, 12)
    file[word : word + 2] = chance.choice([b"\0\0", b"\xff\xff", chance.randbytes(2)])
    return file


def _cut(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    return file[: chance.randrange(len(file))]


def _splice(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    at, source = chance.randrange(len(file)), chance.randrange(len(file))
    return file[:at] + file[source : source + chance.randint(1, 600)] + file[at:]


def _scatter(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 40)):
        file[chance.randrange(len(file))] = chance.randrange(256)
    return file


def _forget(file: bytearray, data_at: int, chance: random.Random) -> bytearray:
    """Random bytes behind an honest beginning."""
    at = chance.randrange(2, data_at)
    return file[:at] + chance.randbytes(chance.randint(0, 4000))


WAYS: dict[str, Callable[[bytearray, int, random.Random], bytearray]] = {
    "bits": _flip_bits,
    "edges": _put_edges,
    "header": _edit_header,
    "cut": _cut,
    "splice": _splice,
    "scatter": _scatter,
    "garbage": _forget,
}
