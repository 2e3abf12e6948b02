import numpy as np
import pytest

from emg.analytics.fatigue import SpectralPoint, of_contractions, of_hold, slope
from emg.analytics.parameters import Parameters
from tests.emg import made


def test_it_reads_a_slope_per_minute_and_in_percent_of_its_beginning() -> None:
    found = slope([0, 60, 120, 180], [100, 95, 90, 85])

    assert found.per_minute == pytest.approx(-5)
    assert found.percent_per_minute == pytest.approx(-5)
    assert found.intercept == pytest.approx(100)
    assert (found.n, found.r2) == (4, 1)


def test_it_is_least_squares_as_numpy_has_it() -> None:
    at_s, values = np.arange(10) * 7.0, made.noise(0.01, level=3) + 80

    found = slope(at_s.tolist(), values.tolist())

    per_second, intercept = np.polyfit(at_s, values, 1)
    assert found.per_minute == pytest.approx(60 * per_second, rel=1e-9)
    assert found.intercept == pytest.approx(intercept, rel=1e-9)
    assert found.r2 == pytest.approx(np.corrcoef(at_s, values)[0, 1] ** 2, rel=1e-9)


def test_it_is_not_turned_by_one_outlier_if_asked() -> None:
    at_s, values = list(range(0, 600, 60)), [100.0 - n for n in range(10)]
    values[9] = 400

    assert slope(at_s, values, robust=True).per_minute == pytest.approx(-1)
    assert slope(at_s, values).per_minute > 10


def test_it_has_no_share_of_a_variance_of_nothing() -> None:
    assert slope([0, 60], [80, 80]).r2 is None


@pytest.mark.parametrize("at_s", [[], [1.0], [1.0, 1.0]])
def test_it_refuses_a_slope_through_one_moment(at_s: list[float]) -> None:
    with pytest.raises(ValueError, match="two points"):
        slope(at_s, at_s)


def test_it_takes_four_contractions() -> None:
    points = [SpectralPoint(60.0 * n, 100 - n, 110 - 2 * n, 1e-14 * (1 + n)) for n in range(4)]

    assert of_contractions(points[:3]) is None
    found = of_contractions(points)
    assert found is not None
    assert found.mdf.per_minute == pytest.approx(-1)
    assert found.mpf.per_minute == pytest.approx(-2)
    assert found.fi_nsm5.per_minute == pytest.approx(100)
    assert found.experimental


def test_it_takes_ten_windows_of_a_hold() -> None:
    """A tone that sinks by 1 Hz per second."""
    time_s = np.arange(20_000) / made.RATE_HZ
    sinking = np.sin(2 * np.pi * (120 * time_s - time_s**2 / 2))

    found = of_hold(sinking, made.RATE_HZ, (0.0, 20.0), Parameters())

    assert of_hold(sinking, made.RATE_HZ, (0.0, 5.0), Parameters()) is None
    assert found is not None
    assert found.mdf.per_minute == pytest.approx(-60, rel=0.01)
    assert found.mdf.r2 == pytest.approx(1, abs=0.01)
