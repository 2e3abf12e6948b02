import numpy as np
import pytest

from emg.analytics.amplitude import mav, rms, rms_envelope, trend
from tests.emg import made


def test_it_computes_rms_and_mav_of_a_sine() -> None:
    samples = made.sine(3, duration_s=1, amplitude=3e-4)

    assert rms(samples) == pytest.approx(3e-4 / np.sqrt(2), rel=1e-12)
    assert mav(samples) == pytest.approx(3e-4 * 2 / np.pi, rel=1e-3)


def test_it_has_no_amplitude_of_nothing() -> None:
    assert rms(np.zeros(0)) is None
    assert mav(np.zeros(0)) is None


@pytest.mark.parametrize("rate_hz", [990.0, 1111.111, 2000.0])
def test_it_computes_the_envelope_by_its_definition(rate_hz: float) -> None:
    samples = made.noise(1, level=1e-4, rate_hz=rate_hz)
    half = round((0.1 * rate_hz - 1) / 2)
    windows = [samples[max(at - half, 0) : at + half + 1] for at in range(samples.size)]

    expected = [np.sqrt(np.mean(window**2)) for window in windows]

    assert rms_envelope(samples, rate_hz, window_s=0.1) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [1, 3, 50, 99, 150])
def test_it_keeps_a_constant_constant_up_to_the_edges(count: int) -> None:
    envelope = rms_envelope(np.full(count, -2.0), 1000.0, window_s=0.1)

    assert envelope == pytest.approx(np.full(count, 2.0), rel=1e-12)


def test_it_stays_a_number_after_a_level_drop_of_ten_million() -> None:
    samples = np.concatenate((np.full(500, 1e3), np.full(500, 1e-4)))

    assert np.isfinite(rms_envelope(samples, 1000.0, window_s=0.05)).all()


def test_it_keeps_the_peak_in_a_bounded_trend() -> None:
    samples = np.zeros(100_001)
    samples[77_777] = 5

    found = trend(samples, points=120)

    assert found.size <= 120
    assert found.max() == 5
