"""Folders of the default storage."""

from collections.abc import Iterator

from django.core.files.storage import default_storage


def below(folder: str) -> Iterator[str]:
    """Every file under a folder; none if there is no such folder."""
    try:
        folders, names = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        yield f"{folder}/{name}"
    for name in folders:
        yield from below(f"{folder}/{name}")


def remove_folder(folder: str) -> int:
    """Removes the files under a folder, and the folder where the storage has such a thing."""
    names = list(below(folder))
    for name in names:
        default_storage.delete(name)
    folders = sorted({name.rpartition("/")[0] for name in names} | {folder}, key=len, reverse=True)
    for empty in folders:
        _remove_empty(empty)
    return len(names)


def _remove_empty(folder: str) -> None:
    try:
        default_storage.delete(folder)
    except OSError:  # something was written into it just now
        return
