"""A bucket as the tests have it, and files of our own to put into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.emg.c3d_files import C3DFile
from tests.sender import Sender

BUCKET = "c3d-examples"
PATH = "P039/P039S003/Ghostly_Emg_20230321_17-23-09-0409.c3d"
RATE_HZ = 1000


def emg_file(*, seed: int = 1, seconds: float = 12, **fields: Any) -> C3DFile:
    """Two channels in volts: rest, and three holds of two seconds."""
    count = int(seconds * RATE_HZ)
    at_s = np.arange(count) / RATE_HZ
    active = (at_s % 4 > 1) & (at_s % 4 < 3)
    noise = np.random.default_rng(seed).normal(0, 1e-6, (2, count))
    samples = np.where(active, 100 * noise, noise).astype(np.float32)
    told = {"ANALOG:UNITS": ["V", "V"], **fields.pop("parameters", {})}
    return C3DFile(samples, labels=["CH1 Raw", "CH2 Raw"], parameters=told, **fields)


@dataclass
class Bucket:
    """A sender, and the folder below MEDIA_ROOT that it tells of."""

    sender: Sender
    root: Path

    def put(self, content: C3DFile | bytes, path: str = PATH, bucket: str = BUCKET) -> Path:
        """As uploads come: whole, or not at all."""
        place = self.root / bucket / path
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part")
        part.write_bytes(content if isinstance(content, bytes) else content.encoded())
        return part.replace(place)

    def tell(
        self, body: Any, *, path: str = "/storage/c3d-upload-optimized", **options: Any
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.sender.token}", **options.pop("headers", {})}
        return self.sender.post_to(path, body, query={}, headers=headers, **options)

    def status(self, session_id: str) -> Any:
        answer = self.sender.client.get(
            f"/webhooks/storage/status/{session_id}", headers={"X-Webhook-Token": self.sender.token}
        )
        return answer.json()
