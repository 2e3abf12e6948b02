"""Small versions of `python -m tests.faults`: a few hundred deliveries, a few seconds each."""

from collections.abc import Callable

from bench.stack import Stack
from tests.faults import deaths, ledger, order, outages
from tests.faults.ledger import Finding

SMALL = 0.03


def harmless(run: Callable[[Stack, float], Finding], stack: Stack) -> None:
    ledger.clear(stack)
    finding = run(stack, SMALL)
    assert not finding.broken, finding.figures


def test_it_loses_nothing_when_workers_are_killed(stack: Stack) -> None:
    harmless(deaths.workers_killed, stack)


def test_it_loses_nothing_with_redis(stack: Stack) -> None:
    harmless(outages.redis_wiped, stack)


def test_it_asks_senders_to_come_again_while_postgres_is_down(stack: Stack) -> None:
    harmless(outages.postgres_stopped, stack)


def test_it_takes_one_key_once(stack: Stack) -> None:
    harmless(order.one_key, stack)


def test_it_makes_the_same_transcript_of_any_order(stack: Stack) -> None:
    harmless(order.shuffled, stack)


def test_it_lets_no_late_worker_write(stack: Stack) -> None:
    harmless(deaths.fencing, stack)
