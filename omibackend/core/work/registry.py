"""How the rows of each model are worked: what the apps register when they are loaded."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Model

from omibackend.core.work.effects import Effect

ApplyMany = Callable[[Sequence[Any]], Mapping[Any, Sequence[Effect]]]


@dataclass(frozen=True)
class Retry:
    """After attempt n fails the row waits `delays_s[n - 1]`, give or take a share of `jitter`."""

    delays_s: tuple[float, ...] = (5, 30, 120, 600, 3600, 21_600)
    jitter: float = 0.2

    def delay_s(self, attempts: int) -> float:
        base = self.delays_s[min(attempts, len(self.delays_s)) - 1]
        return base * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 (no secret)


@dataclass(frozen=True)
class WorkType:
    """How one model's rows are worked.

    Slow work (a model, HTTP, a file) goes into `prepare`, outside any transaction; `apply`
    gets what it returned and runs inside the one that also marks the row done. Where one request
    serves many rows, `prepare_many` takes up to `at_once` and returns what it prepared by row.
    Without slow work, `apply_many` may take many rows in one transaction.
    """

    model: type[Model]
    lane: str
    lease_s: int
    apply: Callable[[Any, Any], Sequence[Effect]]
    prepare: Callable[[Any], Any] | None = None
    prepare_many: Callable[[Sequence[Any]], Mapping[Any, Any]] | None = None
    apply_many: ApplyMany | None = None
    at_once: int | None = None
    retry: Retry = Retry()

    @property
    def batch_size(self) -> int:
        if self.at_once or not self.apply_many:
            return self.at_once or 1
        return int(settings.QUEUE_BATCH_SIZE)


work_types: dict[type[Model], WorkType] = {}


def register(*types: WorkType) -> None:
    work_types.update({each.model: each for each in types})


def types_of(lane: str) -> list[WorkType]:
    return [each for each in work_types.values() if each.lane == lane]
