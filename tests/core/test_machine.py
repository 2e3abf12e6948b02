"""How much memory there is, as control groups tell it."""

from pathlib import Path

import pytest

from omibackend.core import machine


def limited(folder: Path, **limits: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in limits.items():
        (folder / name).write_text(value)
    return folder


def test_it_takes_the_smallest_limit_on_the_way_up(tmp_path: Path) -> None:
    limited(tmp_path, **{"memory.max": "max\n"})
    limited(tmp_path / "a", **{"memory.max": "1073741824\n"})
    limited(tmp_path / "a" / "b", **{"memory.max": "2147483648\n"})
    assert min(machine._along(tmp_path, "/a/b", "memory.max")) == 1 << 30


def test_it_needs_no_control_group() -> None:
    assert 0 < machine.memory_bytes() < 1 << 62


@pytest.mark.parametrize(("size_bytes", "small"), [(1 << 30, True), (2 << 30, False)])
def test_it_is_small_below_a_gigabyte_and_a_half(
    monkeypatch: pytest.MonkeyPatch, size_bytes: int, small: bool
) -> None:
    monkeypatch.setattr(machine, "_limits", lambda: [size_bytes])
    assert machine.is_small() is small
