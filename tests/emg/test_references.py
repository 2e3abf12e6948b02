"""Against the libraries that the field uses."""

from typing import Any

import neurokit2
import numpy as np
import pytest
from pyemgpipeline import processors
from scipy import signal

from emg.analytics.conditioning import band_pass
from emg.analytics.parameters import Parameters
from emg.analytics.samples import Samples
from tests.emg import made

RATE_HZ = int(made.RATE_HZ)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return made.bursts((1.0, 2.0), (3.0, 4.0), duration_s=5) + 3e-5


def agree(found: Any, expected: Any) -> bool:
    return bool(np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max())


def test_it_filters_as_pyemgpipeline_does(samples: Samples) -> None:
    theirs = processors.BandpassFilter(RATE_HZ, 4, 20, 450).apply(samples)

    assert agree(band_pass(samples, made.RATE_HZ, Parameters(filter_order=2)), theirs)


def test_it_filters_as_neurokit2_does(samples: Samples) -> None:
    theirs = neurokit2.signal_filter(
        samples, sampling_rate=RATE_HZ, lowcut=20, highcut=450, method="butterworth", order=4
    )

    assert agree(band_pass(samples, made.RATE_HZ, Parameters()), theirs)


def test_it_filters_as_scipy_does_with_the_other_form(samples: Samples) -> None:
    numerator, denominator = signal.butter(4, (20, 450), "bandpass", fs=RATE_HZ)
    theirs = signal.filtfilt(numerator, denominator, samples)

    assert agree(band_pass(samples, made.RATE_HZ, Parameters()), theirs)
