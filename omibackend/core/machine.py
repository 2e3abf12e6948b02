"""How much memory there is for us."""

import os
from contextlib import suppress
from pathlib import Path

SMALL_BYTES = 3 << 29  # 1.5 GiB


def memory_bytes() -> int:
    """Of the machine, or of the container or unit that we run in if that has less."""
    return min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits())


def is_small() -> bool:
    return memory_bytes() < SMALL_BYTES


def _limits() -> list[int]:
    """Of our control group and those above it: version 2 first, then version 1. What a container
    sees of them begins with its own."""
    found: list[int] = []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                found += _along(Path("/sys/fs/cgroup"), path, "memory.max")
            elif "memory" in controllers.split(","):
                found += _along(Path("/sys/fs/cgroup/memory"), path, "memory.limit_in_bytes")
    return found or [1 << 62]


def _along(root: Path, path: str, name: str) -> list[int]:
    inside = root / path.lstrip("/")
    found = []
    for folder in (inside, *inside.parents):
        with suppress(OSError, ValueError):  # not there, or "max"
            found.append(int((folder / name).read_text()))
    return found
