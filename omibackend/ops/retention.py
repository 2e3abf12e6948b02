"""What is removed after its time. The raw bodies go first; what they became stays."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from conversations.models import OmiSession
from emg.models import Recording
from memories.models import Memory
from omibackend.accounts.models import Token
from omibackend.accounts.privacy import export
from omibackend.accounts.sessions import SessionStore
from omibackend.core.files import remove_folder
from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.work.leased import State
from omibackend.prompts.models import PromptRun
from webhooks.models import Delivery

AT_ONCE = 2000
DAY_S = 86_400


@dataclass(frozen=True)
class Rule:
    """Rows older than `days` (0: for ever), and what happens to them."""

    name: str
    days: int
    rows: Callable[[Any], QuerySet[Any]]
    remove: Callable[[QuerySet[Any]], object]

    def due(self) -> QuerySet[Any]:
        return self.rows(timezone.now() - timedelta(days=self.days))


def _strip(rows: QuerySet[Any]) -> None:
    rows.update(body=None, headers={}, query={}, subject="", remote_addr=None)


def rules() -> list[Rule]:
    finished = Delivery.objects.filter(state__in=(State.DONE, State.IGNORED), body__isnull=False)
    dead = Delivery.objects.filter(state=State.DEAD)
    found = [
        Rule(
            "raw bodies",
            settings.RETENTION_RAW_BODIES_DAYS,
            lambda before: finished.filter(pk__lt=first_uuid7(before)),
            _strip,
        ),
        Rule(
            "prompt texts",
            settings.RETENTION_RAW_BODIES_DAYS,
            lambda before: PromptRun.objects.exclude(rendered="", answer="").filter(
                finished_at__lt=before
            ),
            lambda rows: rows.update(rendered="", answer=""),
        ),
        Rule(
            "dead letters",
            settings.RETENTION_DEAD_LETTERS_DAYS,
            lambda before: dead.filter(pk__lt=first_uuid7(before)),
            lambda rows: rows.delete(),
        ),
        Rule(
            "transcripts",
            settings.RETENTION_TRANSCRIPTS_DAYS,
            lambda before: OmiSession.objects.filter(last_received_at__lt=before),
            lambda rows: rows.delete(),
        ),
        Rule(
            "memories",
            settings.RETENTION_MEMORIES_DAYS,
            lambda before: Memory.objects.filter(occurred_at__lt=before),
            lambda rows: rows.delete(),
        ),
        Rule(
            "recordings",
            settings.RETENTION_RECORDINGS_DAYS,
            lambda before: Recording.objects.filter(pk__lt=first_uuid7(before)),
            lambda rows: rows.delete(),
        ),
    ]
    return [rule for rule in found if rule.days]


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
            rule.remove(rule.due().model._default_manager.filter(pk__in=ids))
            removed[rule.name] += len(ids)
            if on_progress:
                on_progress(rule.name, removed[rule.name])
    logs = list(old_logs())
    for path in logs:
        path.unlink(missing_ok=True)
    SessionStore.clear_expired()
    Token.objects.filter(expiry__lt=timezone.now()).delete()
    removed["exports"] = _remove_exports()
    removed["log files"] = len(logs)
    return removed


def _remove_exports() -> int:
    """Each person's folder goes whole, and the row with it: the next one is asked for anew."""
    over = export.expired()
    for user_id in over.values_list("owner_id", flat=True):
        remove_folder(export.folder_of(user_id))
    return int(over.delete()[0])


def due() -> dict[str, int]:
    """What `prune` would remove now."""
    counts = {rule.name: rule.due().count() for rule in rules()}
    return {**counts, "log files": sum(1 for _ in old_logs())}
