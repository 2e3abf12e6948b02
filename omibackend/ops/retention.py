"""What is removed after its time. The raw bodies go first; what they became stays."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings

from omibackend.core import manifest
from omibackend.core.manifest import Rule

AT_ONCE = 2000
DAY_S = 86_400


def rules() -> list[Rule]:
    every = (rule for app in reversed(manifest.installed()) for rule in app.retention)
    return [rule for rule in every if not rule.keeps_all()]


def old_logs() -> Iterator[Path]:
    """Rotated log files; the one being written is never among them."""
    if not settings.RETENTION_LOGS_DAYS or not settings.LOG_DIR.is_dir():
        return
    before_s = time.time() - settings.RETENTION_LOGS_DAYS * DAY_S
    for path in settings.LOG_DIR.glob("omibackend.log?*"):
        if path.stat().st_mtime < before_s:
            yield path


def prune(on_progress: Callable[[str, int], None] | None = None) -> dict[str, int]:
    """Removes what is due, in small transactions; how many of each."""
    removed: dict[str, int] = {}
    for rule in rules():
        removed[rule.name] = 0
        while ids := list(rule.due().values_list("pk", flat=True)[:AT_ONCE]):
            rule.remove(rule.due().filter(pk__in=ids))
            removed[rule.name] += len(ids)
            if on_progress:
                on_progress(rule.name, removed[rule.name])
    logs = list(old_logs())
    for path in logs:
        path.unlink(missing_ok=True)
    removed["log files"] = len(logs)
    return removed


def due() -> dict[str, int]:
    """What `prune` would remove now."""
    counts = {rule.name: rule.due().count() for rule in rules()}
    return {**counts, "log files": sum(1 for _ in old_logs())}
