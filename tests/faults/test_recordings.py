"""A small version of `python -m tests.faults spoiled-c3d`."""

from tests.faults import recordings


def test_it_reads_spoiled_files_or_says_why() -> None:
    finding = recordings.spoiled_files(None, 0.03)
    assert not finding.failed, finding.figures
