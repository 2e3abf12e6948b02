"""One channel, from its samples to what is kept of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emg.analytics import amplitude, fatigue, mvc, quality
from emg.analytics.conditioning import Conditioned, condition
from emg.analytics.contractions import NOTHING, Detection, detect
from emg.analytics.parameters import Parameters
from emg.analytics.results import ChannelAnalysis, Contraction, Fatigue, Trend
from emg.analytics.samples import Interval, RealSamples, Samples, checked
from emg.analytics.scoring import targets
from emg.analytics.spectrum import (
    Spectrum,
    coarse,
    fi_nsm5,
    mean_frequency,
    median_frequency,
    pooled,
    welch,
)
from emg.analytics.units import Amplitude

REST_MARGIN_S = 0.25
REST_AT_LEAST_S = 0.5
DEFAULTS = Parameters()


@dataclass(frozen=True)
class Activity:
    """A contraction as measured: where, how strong, and its spectrum if that means anything."""

    at: Interval
    mean: float
    peak: float
    sample_count: int
    spectrum: Spectrum | None


def analyse_channel(
    samples: RealSamples,
    rate_hz: float,
    unit: str,
    *,
    parameters: Parameters = DEFAULTS,
    given_mvc: Amplitude | None = None,
    stored_mvc: Amplitude | None = None,
    device_intervals: Sequence[Interval] | None = None,
) -> ChannelAnalysis:
    """Everything that is kept of one channel. A metric that cannot be computed is None, never 0;
    `quality` says why.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        As recorded, offset and all; NaN and infinities count as missing. Any real dtype.
    unit : str
        Of `samples`, and of every amplitude in the result. GHOSTLY files leave it empty and mean
        volts: the caller knows, this function does not guess.
    given_mvc, stored_mvc : Amplitude, optional
        The MVC that came with the recording, and the patient's. Without either it is estimated
        from the contractions.
    device_intervals : sequence of (start_s, end_s), optional
        Contractions that the device itself reported (see `pairing.device_intervals`); taken
        instead of detecting any.

    Raises
    ------
    ValueError
        If `samples` is not one-dimensional, the rate is not a finite number of at least 100 Hz, or
        an MVC is not positive or its unit cannot be converted to `unit`.

    Examples
    --------
    >>> import numpy as np
    >>> rest, burst = np.random.default_rng(1).standard_normal((2, 4000)) * [[1e-6], [1e-4]]
    >>> found = analyse_channel(np.concatenate((rest, burst, rest)), 2000.0, "V")
    >>> [(round(each.start_s, 1), round(each.end_s, 1)) for each in found.contractions]
    [(2.0, 4.0)]
    """
    recorded = checked(samples, rate_hz)
    flags = quality.of_recording(recorded, rate_hz, unit)
    codes = {flag.code for flag in flags}
    given = condition(recorded, rate_hz, parameters)
    usable = given.samples[given.valid] if "flat" not in codes else np.zeros(0)
    detection, envelope = NOTHING, None
    activities: tuple[Activity, ...] = ()
    if usable.size and "too_short" not in codes:
        detection = given_or_found(given, parameters, device_intervals)
        envelope = amplitude.rms_envelope(given.samples, rate_hz, window_s=parameters.amplitude_s)
        activities = measured(given, envelope, detection.intervals, parameters)
        flags += quality.of_mains(given)
    reference = mvc.reference(
        unit=unit,
        given=given_mvc,
        stored=stored_mvc,
        peaks=[each.peak for each in activities],
        quantile=parameters.mvc_quantile,
    )
    snr_db = contrast_db(given, detection.intervals)
    common = pooled(
        [each.spectrum for each in activities if each.spectrum],
        [each.sample_count for each in activities if each.spectrum],
    )
    return ChannelAnalysis(
        parameters_version=parameters.version,
        unit=unit,
        rate_hz=rate_hz,
        duration_s=len(recorded) / rate_hz,
        nan_fraction=given.nan_fraction,
        rms=amplitude.rms(usable),
        mav=amplitude.mav(usable),
        mpf=read(common, mean_frequency),
        mdf=read(common, median_frequency),
        fi_nsm5=read(common, fi_nsm5),
        snr_db=snr_db,
        detector=parameters.detector if device_intervals is None else "device",
        threshold=detection.threshold,
        mvc=reference,
        contractions=targets.judge(
            map(contraction, activities),
            mvc=reference.value,
            mvc_percent=parameters.mvc_percent,
            duration_s=parameters.duration_s,
        ),
        fatigue=tired(given, activities, parameters),
        quality=(*flags, *quality.of_analysis(detection.intervals, snr_db, reference, parameters)),
        envelope=None if envelope is None else thumbnail(envelope, rate_hz, parameters),
        spectrum=drawn(common, parameters) if common else None,
    )


def read(spectrum: Spectrum | None, metric: Callable[[Spectrum], float | None]) -> float | None:
    return metric(spectrum) if spectrum else None


def given_or_found(
    given: Conditioned, parameters: Parameters, device_intervals: Sequence[Interval] | None
) -> Detection:
    if device_intervals is None:
        return detect(given, parameters)
    end_s = len(given.samples) / given.rate_hz
    inside = ((max(start, 0.0), min(end, end_s)) for start, end in device_intervals)
    return Detection(tuple((start, end) for start, end in inside if end > start))


def stretch(at: Interval, rate_hz: float) -> slice:
    """The samples of an interval, at least one."""
    first = int(at[0] * rate_hz)
    return slice(first, max(round(at[1] * rate_hz), first + 1))


def measured(
    given: Conditioned, envelope: Samples, intervals: Sequence[Interval], parameters: Parameters
) -> tuple[Activity, ...]:
    rest_rms = amplitude.rms(at_rest(given, intervals))
    found = []
    for at in intervals:
        where = stretch(at, given.rate_hz)
        samples = given.samples[where]
        wanted = samples.size >= parameters.spectrum_at_least_s * given.rate_hz
        clear = decibels(amplitude.rms(samples), rest_rms)
        if clear is not None and clear < parameters.spectrum_at_least_db:
            wanted = False
        found.append(
            Activity(
                at=at,
                mean=float(envelope[where].mean()),
                peak=float(envelope[where].max()),
                sample_count=samples.size,
                spectrum=welch(samples, given.rate_hz, parameters) if wanted else None,
            )
        )
    return tuple(found)


def at_rest(given: Conditioned, intervals: Sequence[Interval]) -> Samples:
    """What is a quarter of a second away from any contraction; empty if there is too little."""
    rest = given.valid.copy()
    for start, end in intervals:
        rest[stretch((max(start - REST_MARGIN_S, 0), end + REST_MARGIN_S), given.rate_hz)] = False
    enough = np.count_nonzero(rest) >= REST_AT_LEAST_S * given.rate_hz
    return given.samples[rest] if enough else np.zeros(0)


def contrast_db(given: Conditioned, intervals: Sequence[Interval]) -> float | None:
    """Contractions over rest; None without either."""
    if not intervals:
        return None
    active = np.concatenate([given.samples[stretch(at, given.rate_hz)] for at in intervals])
    return decibels(amplitude.rms(active), amplitude.rms(at_rest(given, intervals)))


def decibels(active_rms: float | None, rest_rms: float | None) -> float | None:
    if not active_rms or not rest_rms:
        return None
    return float(20 * np.log10(active_rms / rest_rms))


def contraction(activity: Activity) -> Contraction:
    start_s, end_s = activity.at
    return Contraction(
        start_s=start_s,
        end_s=end_s,
        duration_s=end_s - start_s,
        mean=activity.mean,
        peak=activity.peak,
        mpf=read(activity.spectrum, mean_frequency),
        mdf=read(activity.spectrum, median_frequency),
        mvc_percent=None,
        meets_mvc=None,
        meets_duration=False,
        good=False,
    )


def tired(
    given: Conditioned, activities: Sequence[Activity], parameters: Parameters
) -> Fatigue | None:
    """The trend over contractions; of the longest one if there are too few of them."""
    clear = [each for each in activities if each.spectrum]
    points = [fatigue.point(sum(each.at) / 2, each.spectrum) for each in clear if each.spectrum]
    found = fatigue.of_contractions([each for each in points if each])
    if found or not clear:
        return found
    longest = max(clear, key=lambda each: each.sample_count)
    return fatigue.of_hold(given.samples, given.rate_hz, longest.at, parameters)


def thumbnail(envelope: Samples, rate_hz: float, parameters: Parameters) -> Trend:
    values = amplitude.trend(envelope, points=parameters.trend_points)
    step_s = -(-len(envelope) // parameters.trend_points) / rate_hz
    return Trend(0.0, step_s, tuple(values.tolist()))


def drawn(common: Spectrum, parameters: Parameters) -> Trend:
    bins = coarse(common, points=parameters.trend_points)
    step_hz = float(np.diff(bins.frequency_hz).mean())
    return Trend(float(bins.frequency_hz[0]), step_hz, tuple(bins.density.tolist()))
