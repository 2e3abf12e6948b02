from datetime import timedelta

import pytest
from django.utils import timezone

from omibackend.core.show import human


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0.0583, "58 ms"), (1.94, "1.9 s"), (5, "5 s"), (30, "30 s"), (119, "119 s")),
        *((120, "2 min"), (3600, "60 min"), (25_200, "7 h"), (86_400 * 6, "6 d"), (-3, "0 ms")),
    ],
)
def test_it_says_a_wait_in_one_unit(seconds: float, said: str) -> None:
    assert human.span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.6, "1 min"), (431, "7 min 11 s"), (3600, "1 h"), (7265, "2 h 1 min")],
)
def test_it_says_a_length_in_two_units(seconds: float, said: str) -> None:
    assert human.length(seconds) == said


def test_it_says_sizes_as_download_managers_do() -> None:
    said = [human.size(number) for number in (0, 999, 3600, 3_200_000, 5_000_000_000)]
    assert said == ["0 B", "999 B", "3.6 kB", "3.2 MB", "5.0 GB"]


def test_it_groups_thousands_without_a_line_break() -> None:
    assert human.count(1_034_000) == "1\u202f034\u202f000"


def test_it_counts_things_in_words() -> None:
    assert human.several(1, "delivery", "deliveries") == "1 delivery"
    assert human.several(2, "time") == "2 times"


def test_it_says_how_long_ago() -> None:
    assert human.ago(timezone.now()) == "just now"
    assert human.ago(timezone.now() - timedelta(minutes=6, seconds=1)) == "6 min ago"


def test_it_shortens_names_so_that_two_speakers_differ() -> None:
    assert [human.initials(name) for name in ("Sarah", "Speaker 3", "You", "")] == [
        *("S", "S3", "Y", "")
    ]


def test_it_reads_a_recording_clock() -> None:
    assert [human.minutes(at) for at in (0, 396.4, 3727)] == ["0:00", "6:36", "1:02:07"]
