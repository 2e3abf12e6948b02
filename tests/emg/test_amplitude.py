import numpy as np
import pytest

from emg.analytics.amplitude import decimate, mav, rms, rms_envelope, trend
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


def test_it_draws_every_spike() -> None:
    samples = made.noise(60, level=1e-6)
    samples[[12_345, 54_321]] = 1e-3, -1e-3

    index, values = decimate(samples, points=200)

    assert index.size <= 200
    assert {12_345, 54_321} <= set(index.tolist())
    assert (values.min(), values.max()) == (-1e-3, 1e-3)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000, 1001])
def test_it_draws_any_length_in_order(count: int) -> None:
    samples = made.noise(count / made.RATE_HZ, level=1)

    index, values = decimate(samples, points=8)

    assert (np.diff(index) > 0).all()
    assert (values == samples[index]).all()
    assert index.size <= 8
    assert count == 0 or (values.min(), values.max()) == (samples.min(), samples.max())


def test_it_shows_a_gap_as_a_gap_and_skips_single_missing_samples() -> None:
    samples = np.arange(1000.0)
    samples[200:400] = np.nan
    samples[700] = np.nan

    index, values = decimate(samples, points=20)

    assert np.isnan(values[(index >= 200) & (index < 400)]).all()
    assert np.isfinite(values[(index < 200) | (index >= 400)]).all()


def test_it_refuses_a_drawing_of_one_point() -> None:
    with pytest.raises(ValueError, match="two points"):
        decimate(np.zeros(10), points=1)


def test_it_keeps_the_peak_in_a_bounded_trend() -> None:
    samples = np.zeros(100_001)
    samples[77_777] = 5

    found = trend(samples, points=120)

    assert found.size <= 120
    assert found.max() == 5
