"""A bucket as the tests have it, and files of our own to put into it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emg.c3d_files import C3DFile
from tests.sender import Sender

BUCKET = "c3d-examples"
PATH = "P039/P039S003/Ghostly_Emg_20230321_17-23-09-0409.c3d"


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
