import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from memories.models import Photo
from memories.saving.incoming import IncomingPhoto
from memories.saving.parts import picture_type
from memories.saving.writing import forget
from tests.memories.told import VENUE, tell, told

pytestmark = pytest.mark.django_db
JPEG = b"\xff\xd8\xff\xe0" + bytes(40)
SNAP = IncomingPhoto("p1", description="A white tent", content=JPEG)


def files(folder: Path) -> list[Path]:
    return [found for found in folder.rglob("*") if found.is_file()]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png"),
        (b"GIF89a" + bytes(9), "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ""),
        (b"<svg onload=alert(1)>", ""),
        (b"", ""),
    ],
)
def test_it_knows_a_picture_by_its_first_bytes(content: bytes, expected: str) -> None:
    assert picture_type(content) == expected


def test_it_keeps_a_picture_under_its_owner(owner: Any, tmp_path: Path) -> None:
    photo = told(owner, photos=(SNAP,)).photos.get()
    assert re.fullmatch(rf"photos/{owner.pk}/[0-9a-f-]{{36}}\.jpg", str(photo.file))
    assert (tmp_path / str(photo.file)).read_bytes() == JPEG
    assert (photo.description, photo.content_type) == ("A white tent", "image/jpeg")


def test_it_keeps_only_the_description_of_what_is_no_picture(owner: Any, tmp_path: Path) -> None:
    photo = told(owner, photos=(replace(SNAP, content=b"<script>"),)).photos.get()
    assert (photo.description, photo.content_type, bool(photo.file)) == ("A white tent", "", False)
    assert files(tmp_path) == []


def test_it_stores_a_picture_once(owner: Any, tmp_path: Path) -> None:
    for _ in range(2):
        tell(owner, photos=(SNAP, SNAP, replace(SNAP, source_id=None)))
    assert Photo.objects.count() == 2
    assert len(files(tmp_path)) == 2


def test_it_leaves_no_second_file_after_a_rollback(owner: Any, tmp_path: Path) -> None:
    with transaction.atomic():
        tell(owner, photos=(SNAP,))
        transaction.set_rollback(True)
    tell(owner, photos=(SNAP,))
    assert len(files(tmp_path)) == 1


def test_it_deletes_the_file_once_the_deletion_is_committed(
    owner: Any, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    memory = told(owner, photos=(SNAP,))
    with django_capture_on_commit_callbacks(execute=True):
        forget([memory])
        assert len(files(tmp_path)) == 1
    assert files(tmp_path) == []


def test_it_deletes_the_files_of_a_deleted_account(
    owner: Any, tmp_path: Path, django_capture_on_commit_callbacks: Any
) -> None:
    tell(owner, VENUE, photos=(SNAP,))
    with django_capture_on_commit_callbacks(execute=True):
        owner.delete()
    assert files(tmp_path) == []
