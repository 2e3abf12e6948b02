"""Which worker of `manage.py up` listens to which lanes."""

import pytest
from pytest_django import Settings

from omibackend.core import manifest
from omibackend.ops.lanes import workers


@pytest.mark.parametrize("most", [2, 3, 5, 10, 200])
def test_it_leaves_no_lane_without_a_worker(settings: Settings, most: int) -> None:
    settings.QUEUE_MAX_CONCURRENT_JOBS = most
    found = workers()
    assert len(found) <= most
    declared = {lane.name for lane in manifest.lanes()}
    assert {lane for lanes in found for lane in lanes} == declared == set(settings.RQ_QUEUES)
    assert found[0] == ["inbox"]


def test_it_gives_recordings_a_single_worker_of_their_own(settings: Settings) -> None:
    settings.QUEUE_MAX_CONCURRENT_JOBS = 10
    assert [lanes for lanes in workers() if "emg" in lanes] == [["emg"]]
