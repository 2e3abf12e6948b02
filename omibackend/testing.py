"""A pytest plugin: engines for the tests, before pytest-django reads the settings.

The Redis databases from 9 on are the tests' own, so that a run beside `manage.py up` may flush
them: one for each process of a run (`pytest -n 4`), as each has a PostgreSQL database.
"""

import os
from collections.abc import Generator

import pytest

from omibackend import engines

FIRST_REDIS_DATABASE = 9
MOST_PROCESSES = 7


def with_database(url: str, number: int) -> str:
    base, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("db=")]
    return f"{base}?{'&'.join([*kept, f'db={number}'])}"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    try:
        engines.boot()
    except engines.EngineError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    if worker >= MOST_PROCESSES:
        pytest.exit(f"at most {MOST_PROCESSES} processes", returncode=pytest.ExitCode.USAGE_ERROR)
    number = FIRST_REDIS_DATABASE + worker
    os.environ["REDIS_URL"] = with_database(os.environ["REDIS_URL"], number)
    return (yield)
