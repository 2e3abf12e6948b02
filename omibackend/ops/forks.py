"""One process loads what all the others share, and they are its forks."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from django.conf import settings
from django.db import connections

from omibackend import engines
from omibackend.core.supervisor import Child, Supervisor
from omibackend.ops.lanes import SCHEDULE

APPLICATION = settings.WSGI_APPLICATION.rpartition(".")[0]


def load() -> None:
    """A page stays shared until somebody writes to it, as each collection does to all it looks at.
    So none is made here from now on, and the forks look at nothing that was here before."""
    for module in (APPLICATION, SCHEDULE):
        import_module(module)
    connections.close_all()
    gc.collect()
    gc.disable()
    gc.freeze()


def run(children: Sequence[Child]) -> int:
    """Until a signal ends it."""
    return Supervisor([replace(one, run=partial(_join, one.run)) for one in children]).run()


def _join(run: Callable[[], object]) -> None:
    engines.rejoin()
    gc.enable()
    try:
        run()
    finally:
        engines.leave()
