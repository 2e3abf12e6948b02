import numpy as np
import pytest
from scipy import signal

from emg.analytics.parameters import Parameters
from emg.analytics.spectrum import (
    Spectrum,
    coarse,
    fi_nsm5,
    mean_frequency,
    median_frequency,
    pooled,
    welch,
)
from tests.emg import made

DEFAULTS = Parameters()


def stulen_de_luca(lowest_hz: float, highest_hz: float) -> Spectrum:
    """The model spectrum with corners at 60 and 120 Hz, finely enough to integrate."""
    edges = np.linspace(lowest_hz, highest_hz, 1_000_001)
    at = (edges[1:] + edges[:-1]) / 2
    return Spectrum(at, 120**4 * at**2 / ((at**2 + 60**2) * (at**2 + 120**2) ** 2))


def test_it_finds_mean_and_median_of_a_sine_at_its_frequency() -> None:
    found = welch(made.sine(100, duration_s=10), made.RATE_HZ, DEFAULTS)

    assert mean_frequency(found) == pytest.approx(100, abs=1e-9)
    assert median_frequency(found) == pytest.approx(100, abs=1e-9)


def test_it_reaches_the_integrals_of_a_model_spectrum() -> None:
    whole, band = stulen_de_luca(0, 500), stulen_de_luca(20, 450)

    assert mean_frequency(whole) == pytest.approx(115.3942, rel=1e-6)
    assert median_frequency(whole) == pytest.approx(94.7569, rel=1e-6)
    assert fi_nsm5(band) == pytest.approx(3.749251e-14, rel=1e-6)


def test_it_estimates_as_scipy_does_within_the_band() -> None:
    samples = made.noise(5, level=1e-4)
    frequency_hz, density = signal.welch(samples, made.RATE_HZ, nperseg=1000)

    found = welch(samples, made.RATE_HZ, DEFAULTS)

    assert found.frequency_hz.tolist() == frequency_hz[20:451].tolist()
    assert found.density == pytest.approx(density[20:451], rel=1e-12)
    assert mean_frequency(found) == pytest.approx(
        np.average(frequency_hz[20:451], weights=density[20:451]), rel=1e-12
    )


def test_it_never_looks_at_zero_frequency() -> None:
    found = welch(made.noise(5, level=1e-4) + 5, made.RATE_HZ, DEFAULTS)

    assert found.frequency_hz.min() == 20
    assert found.density.max() < 1e-9


def test_it_puts_short_signals_on_the_same_grid() -> None:
    short, long = (welch(made.noise(s, level=1), made.RATE_HZ, DEFAULTS) for s in (0.3, 4))

    assert short.frequency_hz.tolist() == long.frequency_hz.tolist()
    together = pooled([short, long], [300, 4000])
    assert together is not None
    assert together.density == pytest.approx((300 * short.density + 4000 * long.density) / 4300)


def test_it_has_no_frequency_of_no_power() -> None:
    silent = Spectrum(np.arange(1.0, 10), np.zeros(9))

    assert mean_frequency(silent) is median_frequency(silent) is fi_nsm5(silent) is None
    assert pooled([], []) is None


def test_it_interpolates_the_median_between_bins() -> None:
    even = Spectrum(np.array([20.0, 21.0, 22.0, 23.0]), np.ones(4))

    assert median_frequency(even) == pytest.approx(21.5)


def test_it_lowers_the_band_to_what_the_rate_can_hold() -> None:
    assert DEFAULTS.upper_hz(2000) == 450
    assert DEFAULTS.upper_hz(500) == pytest.approx(225)


def test_it_draws_a_spectrum_in_at_most_120_bins() -> None:
    whole = stulen_de_luca(20, 450)

    found = coarse(whole, points=120)

    assert found.density.size <= 120
    assert mean_frequency(found) == pytest.approx(mean_frequency(whole), rel=5e-3)
