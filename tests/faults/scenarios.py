"""All scenarios, and the installation that each does harm to."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bench.stack import Stack
from tests.faults import deaths, order, outages, recordings
from tests.faults.ledger import Finding

SHORT_LEASE_S = 3


def whole(*, cron: int = 1, maintenance: int = 1) -> Stack:
    """The processes that `manage.py up` starts."""
    return Stack(inbox=4, maintenance=maintenance, cron=cron)


def impatient() -> Stack:
    """The same with inbox workers whose lease is short, so that a fault costs less time."""
    worker = [sys.executable, "-m", "tests.faults.worker", str(SHORT_LEASE_S)]
    return Stack(inbox=4, maintenance=1, cron=1, inbox_argv=worker)


def two_of_each() -> Stack:
    return whole(cron=2, maintenance=2)


def nothing() -> AbstractContextManager[None]:
    """For what needs no installation."""
    return nullcontext()


@dataclass(frozen=True)
class Scenario:
    what: str
    run: Callable[[Any, float], Finding]
    stack: Callable[[], AbstractContextManager[Any]] = whole


SCENARIOS = {
    "workers-killed": Scenario("a worker killed every second", deaths.workers_killed),
    "redis-wiped": Scenario("Redis wiped again and again, then gone", outages.redis_wiped),
    "redis-hung": Scenario("Redis takes connections and never answers", outages.redis_hung),
    "postgres-stopped": Scenario("PostgreSQL stopped, then crashed", outages.postgres_stopped),
    "one-key": Scenario("one delivery again and again, all at once", order.one_key),
    "shuffled": Scenario("speech out of order, late, repeated", order.shuffled),
    "poison": Scenario("one delivery kills its workers", deaths.poison, impatient),
    "web-killed": Scenario("a web process killed every second", deaths.web_killed),
    "fencing": Scenario("a frozen worker comes back too late", deaths.fencing, impatient),
    "spoiled-c3d": Scenario("2,000 spoiled C3D files", recordings.spoiled_files, nothing),
    "two-sweepers": Scenario("two schedulers, not one wake-up", order.two_sweepers, two_of_each),
}
