"""Files of our own, read as from a remote store."""

import io

import numpy as np
from numpy.typing import NDArray

from emg import c3d
from tests.emg.c3d_files import C3DFile

INTEGERS = np.arange(-300, 300).reshape(3, 200)
FLOATS = (INTEGERS * 1.25e-6).astype(np.float32)


class Counting(io.BytesIO):
    """How often a remote store would be asked, and for how much."""

    requests = 0
    read_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.requests += 1
        self.read_bytes += len(found)
        return found


def opened(file: C3DFile) -> tuple[c3d.Metadata, Counting]:
    encoded = file.encoded()
    source = Counting(encoded)
    return c3d.read_metadata(source, size_bytes=len(encoded)), source


def samples(file: C3DFile) -> NDArray[np.float64]:
    metadata, source = opened(file)
    return np.array([c3d.read_channel(source, metadata, n) for n in range(metadata.channel_count)])
