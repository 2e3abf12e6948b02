"""The background workers of one machine: one process for each set of lanes, and the schedule."""

import faulthandler
import logging
import resource
import sys
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import close_old_connections, reset_queries
from django_rq.cron import DjangoCronScheduler
from django_rq.queues import get_queues
from rq import SimpleWorker, Worker
from rq.exceptions import StopRequested

from omibackend.core import manifest
from omibackend.core.supervisor import Child, end_with_parent

SCHEDULE = "omibackend.cron"
# Beyond its job's own time: what Python could not end by then hangs in C.
STUCK_S = 30
GROWN_BYTES = 64 << 20


class LaneWorker(SimpleWorker):
    """Does its jobs itself. A fork for each, as RQ's usual worker has it, costs more than most jobs
    do, a new connection among it, and would save nothing: a job that fails raises, and one that
    takes its process along finds the row of its work in PostgreSQL and another process soon.

    RQ ends a job that takes too long by an exception. One that hangs where no exception reaches it
    is ended with its process.
    """

    own_bytes = 0

    def execute_job(self, job: Any, queue: Any) -> None:
        self.own_bytes = self.own_bytes or private_bytes()
        faulthandler.dump_traceback_later(job.timeout + STUCK_S, exit=True)
        try:
            close_old_connections()
            super().execute_job(job, queue)
            close_old_connections()
            reset_queries()
        finally:
            faulthandler.cancel_dump_traceback_later()
        if private_bytes() - self.own_bytes > GROWN_BYTES:
            sys.stdout.write(f"has grown by {GROWN_BYTES >> 20} MB and makes room\n")
            raise StopRequested


class RecordingWorker(Worker):
    """A process for each job: what scipy and a large file take is given back with it."""

    def main_work_horse(self, job: Any, queue: Any) -> None:
        end_with_parent(self.pid or 0)
        super().main_work_horse(job, queue)


def children() -> list[Child]:
    named = [Child(lanes[0], partial(work, lanes)) for lanes in workers()]
    return [Child("cron", keep_schedule), *named]


def workers() -> list[list[str]]:
    """The lanes of each worker, which takes the first one's jobs first. If there are too few
    workers, the last one takes what is left."""
    most = settings.QUEUE_MAX_CONCURRENT_JOBS
    lanes = manifest.lanes()
    alone = [lane for lane in lanes if not lane.with_lane]
    sets = [
        [lane.name, *(one.name for one in lanes if one.with_lane == lane.name)] for lane in alone
    ]
    if most < len(sets):
        return [*sets[: most - 1], [name for names in sets[most - 1 :] for name in names]]
    by_lane = reversed([*zip(alone, sets, strict=True)])
    more = [names for lane, names in by_lane for _ in range(1, lane.workers(most))]
    return [*sets, *more][:most]


def work(lanes: list[str]) -> None:
    queues = get_queues(*lanes)  # type: ignore[no-untyped-call]
    apart = {lane.name for lane in manifest.lanes() if lane.work_horse}
    kind = RecordingWorker if apart & set(lanes) else LaneWorker
    kind(queues, connection=queues[0].connection).work(logging_level="WARNING")


def keep_schedule() -> None:
    scheduler = DjangoCronScheduler(logging_level=logging.WARNING)
    scheduler.load_config_from_file(SCHEDULE)
    scheduler.start()  # type: ignore[no-untyped-call]


def private_bytes() -> int:
    """What a process holds by itself or shares with its parent, without files."""
    pages = Path("/proc/self/statm").read_text().split()
    return (int(pages[1]) - int(pages[2])) * resource.getpagesize()
