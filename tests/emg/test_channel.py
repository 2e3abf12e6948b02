import doctest
import json

import numpy as np
import pytest

from emg.analytics import Amplitude, ChannelAnalysis, MvcSource, as_json, channel
from emg.analytics.channel import analyse_channel
from emg.analytics.parameters import Parameters
from emg.analytics.results import contraction_from
from emg.analytics.samples import Samples
from tests.emg import made

SIX = tuple((2.0 + 5 * n, 4.5 + 5 * n) for n in range(6))


def analysed(samples: Samples, **known: Amplitude) -> ChannelAnalysis:
    return analyse_channel(
        samples, made.RATE_HZ, "V", given_mvc=known.get("given"), stored_mvc=known.get("stored")
    )


def codes(found: ChannelAnalysis) -> set[str]:
    return {flag.code for flag in found.quality}


@pytest.fixture(scope="module")
def six() -> ChannelAnalysis:
    return analysed(made.bursts(*SIX, duration_s=35))


def test_it_finds_and_measures_each_contraction(six: ChannelAnalysis) -> None:
    assert [each.start_s for each in six.contractions] == pytest.approx(
        [start for start, _ in SIX], abs=0.03
    )
    for each in six.contractions:
        assert each.duration_s == pytest.approx(2.5, abs=0.05)
        assert each.mean < each.peak == pytest.approx(1.1e-4, rel=0.2)
        assert each.mdf == pytest.approx(230, abs=25)
        assert each.meets_duration


def test_it_states_its_unit_its_rate_and_the_version_of_its_parameters(
    six: ChannelAnalysis,
) -> None:
    assert (six.unit, six.rate_hz, six.duration_s) == ("V", 1000.0, 35.0)
    assert (six.parameters_version, six.detector) == (Parameters().version, "adaptive")


def test_it_is_the_same_whatever_offset_and_precision_the_file_has(six: ChannelAnalysis) -> None:
    samples = made.bursts(*SIX, duration_s=35).astype(np.float32)

    found = analyse_channel(samples - np.float32(6e-5), made.RATE_HZ, "V")

    assert found.rms == pytest.approx(six.rms, rel=1e-4)
    assert len(found.contractions) == len(six.contractions)


def test_it_scales_every_amplitude_with_the_unit(six: ChannelAnalysis) -> None:
    found = analyse_channel(1e6 * made.bursts(*SIX, duration_s=35), made.RATE_HZ, "uV")

    assert six.rms is not None
    assert six.threshold is not None
    assert found.rms == pytest.approx(1e6 * six.rms)
    assert found.threshold == pytest.approx(1e6 * six.threshold)
    assert found.contractions[0].peak == pytest.approx(1e6 * six.contractions[0].peak)
    assert found.mpf == pytest.approx(six.mpf)
    assert found.mvc.unit == "uV"


def test_it_estimates_the_mvc_from_contractions_and_says_so(six: ChannelAnalysis) -> None:
    peaks = [each.peak for each in six.contractions]

    assert six.mvc.source == MvcSource.ESTIMATED
    assert six.mvc.value == pytest.approx(np.quantile(peaks, 0.9))
    assert "mvc_estimated" in codes(six)


def test_it_estimates_the_same_mvc_however_long_the_rest(six: ChannelAnalysis) -> None:
    found = analysed(made.bursts(*SIX, duration_s=120))

    assert found.mvc.value == pytest.approx(six.mvc.value, rel=0.05)


def test_it_judges_by_a_given_mvc() -> None:
    given = Amplitude(200, "uV")

    found = analysed(made.bursts(*SIX, duration_s=35), given=given, stored=Amplitude(1, "V"))

    assert found.mvc.value == pytest.approx(2e-4)
    assert found.mvc.source == MvcSource.GIVEN
    assert not any(each.meets_mvc or each.good for each in found.contractions)
    assert found.contractions[0].mvc_percent == pytest.approx(
        100 * found.contractions[0].peak / 2e-4
    )


def test_it_has_no_spectrum_of_weak_contractions() -> None:
    found = analysed(made.bursts(*SIX, duration_s=35, level=2e-6 * 10 ** (6 / 20)))

    assert len(found.contractions) == 6
    assert (found.mpf, found.mdf, found.fi_nsm5, found.fatigue) == (None, None, None, None)
    assert "weak" in codes(found)


def test_it_finds_no_fatigue_where_there_is_none(six: ChannelAnalysis) -> None:
    assert six.fatigue is not None
    assert (six.fatigue.basis, six.fatigue.mdf.n) == ("contractions", 6)
    assert abs(six.fatigue.mdf.per_minute) < 30


def test_it_watches_one_long_hold_tire() -> None:
    samples = made.bursts((5.0, 35.0), duration_s=40)

    found = analysed(samples)

    assert found.fatigue is not None
    assert (found.fatigue.basis, len(found.contractions)) == ("windows", 1)
    assert "long_hold" in codes(found)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(5000), "flat"),
        (np.full(5000, 1e-3), "flat"),
        (np.full(5000, np.nan), "flat"),
        (np.zeros(0), "too_short"),
        (made.noise(0.9, level=1e-5), "too_short"),
        (made.noise(30, level=1e-5), "no_contractions"),
    ],
)
def test_it_gives_no_numbers_where_there_are_none(samples: Samples, code: str) -> None:
    found = analysed(samples)

    assert code in codes(found)
    assert found.contractions == ()
    assert (found.mpf, found.mvc.value, found.mvc.source) == (None, None, MvcSource.NONE)
    assert found.rms is None or code in {"no_contractions", "too_short"}


def test_it_measures_around_missing_samples(six: ChannelAnalysis) -> None:
    samples = made.bursts(*SIX, duration_s=35)
    samples[30_100:30_900] = np.nan
    samples[7000] = np.inf

    found = analysed(samples)

    assert "missing" in codes(found)
    assert found.nan_fraction == pytest.approx(801 / 35_000)
    assert found.rms == pytest.approx(six.rms, rel=0.05)
    assert len(found.contractions) == 6


def test_it_takes_the_timing_of_the_device_if_told_to() -> None:
    found = analyse_channel(
        made.bursts(*SIX, duration_s=35), 1000.0, "V", device_intervals=[(2.5, 4.0), (34.0, 99.0)]
    )

    assert found.detector == "device"
    assert [(each.start_s, each.end_s) for each in found.contractions] == [(2.5, 4.0), (34.0, 35.0)]


def test_it_offers_the_original_detection_by_name(six: ChannelAnalysis) -> None:
    parameters = Parameters(detector="ten_percent")

    found = analyse_channel(made.bursts(*SIX, duration_s=35), 1000.0, "V", parameters=parameters)

    assert (found.detector, len(found.contractions)) == ("ten_percent", 6)
    assert found.parameters_version != six.parameters_version


@pytest.mark.parametrize("rate_hz", [990.0, 1111.111, 1925.926])
def test_it_counts_seconds_by_any_rate(rate_hz: float) -> None:
    silence, loud = (made.noise(3, level=level, rate_hz=rate_hz) for level in (2e-6, 1e-4))

    found = analyse_channel(np.concatenate((silence, loud, silence)), rate_hz, "V")

    (only,) = found.contractions
    assert (only.start_s, only.end_s) == pytest.approx((3.0, 6.0), abs=0.03)


@pytest.mark.parametrize("rate_hz", [0.0, 50.0, float("nan")])
def test_it_refuses_a_rate_that_is_none(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="sampling rate"):
        analyse_channel(np.zeros(5000), rate_hz, "V")


def test_it_turns_into_json_and_back(six: ChannelAnalysis) -> None:
    stored = json.loads(json.dumps(as_json(six), allow_nan=False))

    assert stored["rms"] == pytest.approx(six.rms, rel=1e-6)
    assert stored["mvc"]["source"] == "estimated"
    again = contraction_from(stored["contractions"][2])
    assert again.start_s == pytest.approx(six.contractions[2].start_s, rel=1e-6)
    assert again.peak == pytest.approx(six.contractions[2].peak, rel=1e-6)
    assert again.good == six.contractions[2].good


def test_it_keeps_no_series_longer_than_its_bound() -> None:
    found = analysed(made.bursts(*SIX, duration_s=600))

    assert found.envelope is not None
    assert found.spectrum is not None
    assert len(found.envelope.values) <= 120
    assert len(found.spectrum.values) <= 120
    assert found.envelope.step * len(found.envelope.values) == pytest.approx(600, abs=6)
    assert max(found.envelope.values) == pytest.approx(
        max(each.peak for each in found.contractions), rel=1e-9
    )


def test_it_does_what_its_example_says() -> None:
    found = doctest.testmod(channel)

    assert (found.failed, found.attempted) == (0, 4)
