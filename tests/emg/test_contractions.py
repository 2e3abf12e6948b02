import numpy as np
import pytest

from emg.analytics.conditioning import condition
from emg.analytics.contractions import detect, mains_lines, widened
from emg.analytics.parameters import Parameters
from emg.analytics.samples import Interval, Samples
from tests.emg import made

DEFAULTS = Parameters()
ORIGINAL = Parameters(detector="ten_percent")
TWO: tuple[Interval, ...] = ((3.0, 5.0), (7.0, 8.5))


def intervals(samples: Samples, parameters: Parameters = DEFAULTS) -> list[Interval]:
    given = condition(samples, made.RATE_HZ, parameters)
    return list(detect(given, parameters).intervals)


def near(found: list[Interval], *expected: Interval, within_s: float = 0.05) -> bool:
    """Whether each is where it should be, and nothing else is there."""
    return np.shape(found) == np.shape(expected) and np.allclose(found, expected, atol=within_s)


@pytest.mark.parametrize("snr_db", [5, 8, 12, 20, 40])
def test_it_finds_bursts_over_noise(snr_db: float) -> None:
    samples = made.bursts(*TWO, duration_s=12, level=2e-6 * 10 ** (snr_db / 20))

    assert near(intervals(samples), *TWO, within_s=0.12)


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_nothing_in_silence(seed: int) -> None:
    assert intervals(made.noise(30, level=3e-6, seed=seed)) == []


def test_it_finds_nothing_in_hum_and_heart_beats_alone() -> None:
    samples = made.noise(30, level=3e-6) + made.sine(50, duration_s=30, amplitude=2e-5)
    samples[500::900] += 1e-4

    assert intervals(samples) == []


def test_it_finds_bursts_beside_one_huge_spike() -> None:
    samples = made.bursts(*TWO, duration_s=12)
    samples[10_000] = 5e-3

    assert near(intervals(samples), *TWO)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.35])
@pytest.mark.parametrize("begins_s", [0.0, 10.0])
def test_it_finds_bursts_over_a_posture(share: float, begins_s: float) -> None:
    at = ((3.0, 5.0), (8.0, 9.0), (14.0, 16.0), (19.0, 20.5), (24.0, 26.0))
    samples = made.bursts(*at, duration_s=30)
    posture = made.noise(30 - begins_s, level=share * 1e-4, seed=7)
    samples[samples.size - posture.size :] += posture

    assert near(intervals(samples), *at, within_s=0.15)


def test_it_takes_a_long_hold_for_one() -> None:
    tremor = 1 + 0.3 * np.sin(2 * np.pi * 7 * np.arange(25_000) / made.RATE_HZ)
    samples = made.noise(31, level=2e-6)
    samples[3000:28_000] += made.noise(25, level=1e-4, seed=3) * tremor

    assert near(intervals(samples), (3.0, 28.0), within_s=0.1)


def test_it_takes_a_hold_with_a_dip_for_one() -> None:
    samples = made.bursts((2, 4.0), (4.2, 6.0), duration_s=9)

    assert near(intervals(samples), (2.0, 6.0))


def test_it_drops_a_twitch() -> None:
    samples = made.bursts((2.0, 4.0), (6.0, 6.06), duration_s=9)

    assert near(intervals(samples), (2.0, 4.0))


def test_it_joins_before_it_drops() -> None:
    """Three pieces of 100 ms are no contraction each; together they are one of half a second."""
    samples = made.bursts((2.0, 2.1), (2.2, 2.3), (2.4, 2.5), (5.0, 7.0), duration_s=9)

    assert near(intervals(samples), (2.0, 2.5), (5.0, 7.0))


def test_it_sees_contractions_over_a_muscle_that_does_not_rest() -> None:
    samples = made.bursts((0.0, 20.0), duration_s=20, level=1.2e-5)
    samples += made.bursts(*TWO, duration_s=20, level=1e-4, seed=2)

    assert near(intervals(samples), *TWO)


def test_it_follows_noise_that_drifts() -> None:
    louder = np.geomspace(1, 4, 60_000)
    samples = louder * made.noise(60, level=2e-6)
    samples += made.bursts((10.0, 12.0), (50.0, 52.0), duration_s=60, level=1e-4, rest=0.0)

    assert near(intervals(samples), (10.0, 12.0), (50.0, 52.0))


def test_it_keeps_a_long_hold_whole() -> None:
    samples = made.bursts((5.0, 30.0), duration_s=40)

    assert near(intervals(samples), (5.0, 30.0))


def test_it_does_not_see_through_a_gap() -> None:
    samples = made.bursts((2.0, 4.0), (5.0, 7.0), duration_s=9)
    samples[5000:6000] = np.nan

    assert near(intervals(samples), (2.0, 4.0), (6.0, 7.0))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_it_finds_the_same_in_any_unit(scale: float) -> None:
    samples = made.bursts(*TWO, duration_s=12)

    assert intervals(scale * samples) == intervals(samples)


def test_it_tells_its_threshold_in_the_unit_of_the_samples() -> None:
    given = condition(made.bursts(*TWO, duration_s=12), made.RATE_HZ, DEFAULTS)

    threshold = detect(given, DEFAULTS).threshold

    assert threshold is not None
    assert 2e-6 < threshold < 1e-4


def test_it_offers_the_original_method_with_its_faults() -> None:
    silence, spiked = made.noise(30, level=3e-6), made.bursts(*TWO, duration_s=12)
    spiked[10_000] = 1.0

    assert near(intervals(made.bursts(*TWO, duration_s=12), ORIGINAL), *TWO, within_s=0.15)
    assert len(intervals(silence, ORIGINAL)) > 0
    assert not near(intervals(spiked, ORIGINAL), *TWO, within_s=0.15)


def test_it_has_nothing_to_say_of_zeros_or_of_half_a_second() -> None:
    for parameters in (DEFAULTS, ORIGINAL):
        assert intervals(np.zeros(5000), parameters) == []
    assert intervals(made.noise(0.5, level=1)) == []


def test_it_knows_mains_hum_from_muscle() -> None:
    hum = made.sine(60, duration_s=20, amplitude=1e-5) + made.noise(20, level=2e-6)

    assert mains_lines(hum, made.RATE_HZ) == [60.0]
    assert mains_lines(made.bursts(*TWO, duration_s=20), made.RATE_HZ) == []


def test_it_widens_by_a_quarter_at_most_and_never_into_a_neighbour() -> None:
    above = np.ones(40, dtype=bool)

    assert widened([(10, 18), (19, 23)], above, 10) == [(8, 19), (19, 24)]
    assert widened([(10, 30)], above, 2) == [(8, 32)]
    assert widened([(10, 18)], np.arange(40) != 9, 10) == [(10, 20)]
