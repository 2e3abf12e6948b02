"""An RQ worker of the inbox whose lease is short, and that three marks in a body can harm.

    python -m tests.faults.worker LEASE_S

It wraps what is registered and changes nothing else: `rqworker` itself runs.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import django

DEADLY = "words that kill the worker"
FREEZES_BEFORE = "words that freeze the worker before their effects"
FREEZES_AFTER = "words that freeze the worker after their effects"


def main(lease_s: int) -> None:
    django.setup()
    from django.core.management import call_command

    from omibackend.core.work import registry
    from webhooks.models import Delivery

    kind = registry.work_types[Delivery]
    apply_many = kind.apply_many
    assert apply_many

    def harmed_many(rows: Sequence[Any]) -> Any:
        _harm(rows, DEADLY, signal.SIGKILL)
        return apply_many(rows)

    def harmed_one(row: Any, prepared: Any) -> Any:
        _harm([row], DEADLY, signal.SIGKILL)
        _harm([row], FREEZES_BEFORE, signal.SIGSTOP)
        effects = kind.apply(row, prepared)
        _harm([row], FREEZES_AFTER, signal.SIGSTOP)
        return effects

    registry.register(replace(kind, lease_s=lease_s, apply=harmed_one, apply_many=harmed_many))
    worker = "omibackend.ops.lanes.LaneWorker"
    call_command("rqworker", "inbox", worker_class=worker, verbosity=0)


def _harm(rows: Sequence[Any], mark: str, signum: signal.Signals) -> None:
    """A freeze happens once, so that the next worker gets through."""
    for row in rows:
        first = signum == signal.SIGKILL or row.attempts == 1
        if first and mark.encode() in row.raw():
            os.kill(os.getpid(), signum)


if __name__ == "__main__":
    main(int(sys.argv[1]))
