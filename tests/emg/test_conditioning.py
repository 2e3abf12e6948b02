import numpy as np
import pytest

from emg.analytics.conditioning import condition
from emg.analytics.parameters import Parameters
from emg.analytics.samples import checked, window_samples
from tests.emg import made

DEFAULTS = Parameters()


def test_it_takes_offset_and_drift_away_and_keeps_emg() -> None:
    wanted = made.sine(100, duration_s=4)
    given = wanted + 50 + made.sine(0.5, duration_s=4, amplitude=20)

    found = condition(given, made.RATE_HZ, DEFAULTS)

    assert found.samples[500:-500] == pytest.approx(wanted[500:-500], abs=1e-3)


def test_it_bridges_a_short_gap_without_losing_a_sample() -> None:
    samples = made.noise(1, level=1)
    samples[100] = np.nan
    samples[500:550] = np.inf

    found = condition(samples, made.RATE_HZ, DEFAULTS)

    assert np.isfinite(found.samples).all()
    assert found.valid.all()
    assert found.nan_fraction == pytest.approx(0.051)


def test_it_masks_a_long_gap_and_nothing_else() -> None:
    samples = made.noise(1, level=1)
    samples[500:551] = np.nan

    found = condition(samples, made.RATE_HZ, DEFAULTS)

    assert np.flatnonzero(~found.valid).tolist() == list(range(500, 551))
    assert np.isfinite(found.samples).all()


def test_it_survives_a_channel_of_nothing_but_nan() -> None:
    found = condition(np.full(1000, np.nan), made.RATE_HZ, DEFAULTS)

    assert found.nan_fraction == 1
    assert not found.valid.any()
    assert not found.samples.any()


@pytest.mark.parametrize("rate_hz", [0.0, 99.9, float("nan"), float("inf"), -1000.0])
def test_it_refuses_a_rate_without_emg(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="sampling rate"):
        checked(np.zeros(10), rate_hz)


def test_it_refuses_two_channels_at_once() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        checked(np.zeros((2, 10)), 1000.0)


def test_it_centres_windows_by_an_odd_length() -> None:
    widths = [window_samples(0.1, rate_hz) for rate_hz in (990.0, 1000.0, 1111.111, 2000.0)]

    assert all(width % 2 for width in widths)
    assert widths == pytest.approx([99, 100, 111, 200], abs=1)


def test_it_names_the_version_of_other_parameters() -> None:
    other = Parameters(merge_s=0.2)

    assert DEFAULTS.version == "1"
    assert other.version.startswith("1+")
    assert other.version == Parameters(merge_s=0.2).version != Parameters(merge_s=0.3).version
