import numpy as np
import pytest

from emg.analytics.quality import clipped_share, is_flat, mains_share, of_mains, of_recording
from tests.emg import made


def test_it_counts_what_stays_at_the_limit() -> None:
    samples = made.noise(10, level=1e-3)

    assert clipped_share(samples) == 0
    assert clipped_share(made.sine(3, duration_s=10)) == 0
    assert clipped_share(np.clip(samples, -2e-3, 2e-3)) == pytest.approx(0.0455, abs=0.006)


def test_it_counts_a_limit_that_is_reached_on_one_side_only() -> None:
    samples = made.noise(10, level=1e-4)
    samples[1000:1050] = -5.5e-3

    assert clipped_share(samples) == pytest.approx(0.005)


def test_it_says_what_is_wrong_and_what_follows() -> None:
    (flag,) = of_recording(np.clip(made.noise(10, level=1), -1, 1), made.RATE_HZ, "V")

    assert flag.code == "clipping"
    assert "at the recorder's limit" in flag.words
    assert flag.consequence == "Amplitudes are too low, frequencies too high."


def test_it_has_nothing_to_say_of_a_good_recording() -> None:
    assert of_recording(made.noise(10, level=1e-5), made.RATE_HZ, "V") == []
    assert of_mains(made.conditioned(made.noise(10, level=1e-5))) == []


def test_it_knows_a_dead_channel_by_its_unit() -> None:
    tiny = made.noise(1, level=1e-11)

    assert is_flat(tiny, "V")
    assert is_flat(1e6 * tiny, "uV")
    assert not is_flat(tiny, "counts")
    assert is_flat(np.full(10, 7.0), "counts")


def test_it_tells_the_share_of_missing_samples() -> None:
    samples = made.noise(10, level=1e-5)
    samples[:100] = np.nan

    (flag,) = of_recording(samples, made.RATE_HZ, "V")

    assert flag.code == "missing"
    assert flag.value == pytest.approx(0.01)
    assert flag.words == "1.0% of the samples are missing"


def test_it_tells_the_share_of_mains_hum() -> None:
    samples = made.noise(20, level=1e-5) + made.sine(50, duration_s=20, amplitude=2e-5)

    assert mains_share(samples, made.RATE_HZ) == pytest.approx(2 / 3, abs=0.02)
    (flag,) = of_mains(made.conditioned(samples))
    assert flag.code == "mains_hum"
