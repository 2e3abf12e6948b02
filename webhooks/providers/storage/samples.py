"""A storage sender at work, for `up --demo` and the curl that `up` prints."""

from pathlib import Path

from django.core.files.storage import FileSystemStorage, storages

from webhooks.inbox.provider import Sample

BUCKET = "c3d-demo"
PATH = "P000/P000S001/Demo_Emg_20260102_10-30-00.c3d"


def first() -> Sample:
    """By hand, for a file that lies in MEDIA_ROOT/<bucket>/<object path>: a simulated one, put
    there now. Where recordings lie elsewhere, there is none."""
    folder = storages["recordings"]
    if isinstance(folder, FileSystemStorage):
        path = Path(folder.path(f"{BUCKET}/{PATH}"))
        if not path.exists():
            from emg.demo import write_recording  # scipy: at the first start only

            write_recording(path)
    return Sample({"bucket": BUCKET, "object_path": PATH}, {}, {})


def samples() -> list[Sample]:
    return [first()] if isinstance(storages["recordings"], FileSystemStorage) else []
