"""A pytest plugin: engines for the tests, before pytest-django reads the settings.

Redis database 9 is the tests' own, so that a run beside `manage.py up` may flush it.
"""

import os
from collections.abc import Generator

import pytest

from omibackend import engines

REDIS_DATABASE = 9


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
    os.environ["REDIS_URL"] = with_database(os.environ["REDIS_URL"], REDIS_DATABASE)
    return (yield)
