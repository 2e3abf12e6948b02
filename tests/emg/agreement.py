"""Whether the two readers say the same of a file."""

import math
from importlib.util import find_spec

import pytest

from emg.c3d import Metadata
from emg.crosscheck.reading import Reading

SAME_RATE = 1e-6
needs_ezc3d = pytest.mark.skipif(
    not find_spec("ezc3d"), reason="ezc3d has no build for this platform"
)


def disagreement(ours: Metadata, theirs: Reading) -> str | None:
    """In what the two readers differ about a file; None where they agree. Ours is trusted."""
    shape = (ours.channel_count, ours.sample_count)
    if theirs.samples.shape != shape:
        found = " x ".join(f"{count:,}" for count in theirs.samples.shape)
        return f"ezc3d reads {found} samples, this reader {shape[0]:,} x {shape[1]:,}."
    if not math.isclose(theirs.sampling_rate_hz, ours.sampling_rate_hz, rel_tol=SAME_RATE):
        return f"ezc3d says {theirs.sampling_rate_hz:g} Hz, this reader {ours.sampling_rate_hz:g}."
    return None
