import sys
from collections.abc import Iterator

import pytest

from bench.stack import Stack
from tests.faults import scenarios


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One installation for all, with workers whose lease is short."""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    with scenarios.impatient() as running:
        yield running
