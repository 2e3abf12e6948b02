"""All scenarios, and the installation that each does harm to."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench.stack import Stack
from tests.faults import deaths, order, outages
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


@dataclass(frozen=True)
class Scenario:
    what: str
    run: Callable[[Stack, float], Finding]
    stack: Callable[[], Stack] = whole


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
    "two-sweepers": Scenario("two schedulers, not one wake-up", order.two_sweepers, two_of_each),
}
