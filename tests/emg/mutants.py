"""Files spoiled at random, the same ones for the same seed."""

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from emg import c3d
from tests.emg.c3d_files import BLOCK_BYTES, DEC, INTEL, MIPS, C3DFile

SAMPLES = (np.arange(2 * 600).reshape(2, -1) % 251 + 1).astype(np.float64)
SEEDS = [  # none is padded, so that a cut always costs samples
    C3DFile(SAMPLES, processor=processor, is_float=is_float, point_count=point_count)
    for processor in (INTEL, DEC, MIPS)
    for is_float in (False, True)
    for point_count in (0, 2)
]
EDGES = (0, 1, 2, 127, 128, 254, 255)
READ = "Read."


@dataclass(frozen=True)
class Mutant:
    how: str
    encoded: bytes

    @property
    def is_cut(self) -> bool:
        return self.how == "cut"


def spoiled(count: int, *, seed: int) -> Iterator[Mutant]:
    """Every way in turn."""
    chance = random.Random(seed)
    ways = list(WAYS.items())
    files = [(file.encoded(), file.data_at) for file in SEEDS]
    for number in range(count):
        how, spoil = ways[number % len(ways)]
        encoded, data_at = chance.choice(files)
        yield Mutant(how, bytes(spoil(bytearray(encoded), data_at, chance)))


def outcome(encoded: bytes) -> str:
    """What is said instead of samples; any error but the reader's own comes through."""
    source = io.BytesIO(encoded)
    try:
        metadata = c3d.read_metadata(source, size_bytes=len(encoded))
        for channel in range(metadata.channel_count):
            samples = c3d.read_channel(source, metadata, channel)
            assert len(samples) == metadata.sample_count
    except c3d.C3DError as error:
        return str(error)
    return READ


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
