"""A storage sender at work, for `up --demo` and the curl that `up` prints."""

from webhooks.providers.base import Sample

BUCKET = "c3d-examples"
PATH = "P039/P039S003/Ghostly_Emg_20230321_17-23-09-0409.c3d"


def first() -> Sample:
    """By hand, for a file that lies in MEDIA_ROOT/<bucket>/<object path>."""
    return Sample({"bucket": BUCKET, "object_path": PATH}, {}, {})


def samples() -> list[Sample]:
    """None: a sample would need a recording of somebody."""
    return []
