"""Power spectrum of EMG and the three numbers that are read from it."""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from emg.analytics.parameters import Parameters
from emg.analytics.samples import Samples


@dataclass(frozen=True)
class Spectrum:
    """A power spectral density, shape (k,): unit**2/Hz if the samples were in `unit`."""

    # Rising, evenly spaced, above zero.
    frequency_hz: Samples
    density: Samples

    @property
    def power(self) -> float:
        return float(self.density.sum())


def welch(samples: Samples, rate_hz: float, parameters: Parameters) -> Spectrum:
    """Welch's estimate: Hann, half overlapping, mean removed, limited to the band.

    Segments last `spectrum_s`; a shorter signal is one segment padded with zeros, so that all
    spectra of a channel share one grid of frequencies and can be averaged. `samples` are
    band-passed, no NaN, at least two; of the parameters `spectrum_s` and the band are read.
    """
    grid = max(2, round(parameters.spectrum_s * rate_hz))
    frequency_hz, density = signal.welch(
        samples,
        fs=rate_hz,
        window="hann",
        nperseg=min(grid, len(samples)),
        nfft=grid,
        detrend="constant",
    )
    high_hz = parameters.upper_hz(rate_hz)
    band = (frequency_hz >= parameters.band_low_hz) & (frequency_hz <= high_hz)
    return Spectrum(frequency_hz[band], density[band])


def mean_frequency(spectrum: Spectrum) -> float | None:
    """MPF (also MNF): the mean of the frequencies, weighted by their power, in Hz.

    Returns None if there is no power.

    .. [1] A. Phinyomark, S. Thongpanja, H. Hu, P. Phukpattaranont, C. Limsakul, "The Usefulness of
       Mean and Median Frequencies in Electromyography Analysis", 2012. :doi:`10.5772/50639`
    """
    if spectrum.power <= 0:
        return None
    return float(spectrum.frequency_hz @ spectrum.density / spectrum.power)


def median_frequency(spectrum: Spectrum) -> float | None:
    """MDF: the frequency that halves the power, in Hz, interpolated between bins.

    A bin's power is spread evenly over the width of the bin, half of it on either side, so that a
    pure tone has its median where it has its mean. Returns None if there is no power.

    .. [1] A. Phinyomark et al., 2012. :doi:`10.5772/50639`
    """
    if spectrum.power <= 0:
        return None
    step = np.diff(spectrum.frequency_hz).mean() if len(spectrum.frequency_hz) > 1 else 0.0
    edges = np.append(spectrum.frequency_hz - step / 2, spectrum.frequency_hz[-1] + step / 2)
    below = np.concatenate(([0.0], np.cumsum(spectrum.density)))
    return float(np.interp(below[-1] / 2, below, edges))


def fi_nsm5(spectrum: Spectrum) -> float | None:
    """Dimitrov's spectral index of fatigue: the moment of order -1 over the moment of order 5.

    In Hz**-6, about 1e-14 to 1e-13 for surface EMG; it rises with fatigue. Only its ratio to
    another of the same band is worth showing. None if there is no power.

    .. [1] G. V. Dimitrov, T. I. Arabadzhiev, K. N. Mileva, J. L. Bowtell, N. Crichton,
       N. A. Dimitrova, "Muscle fatigue during dynamic contractions assessed by new spectral
       indices", Medicine & Science in Sports & Exercise 38, 1971-1979, 2006.
       :doi:`10.1249/01.mss.0000233794.31659.6d`
    """
    if spectrum.power <= 0:
        return None
    low = float((spectrum.density / spectrum.frequency_hz).sum())
    return low / float((spectrum.density * spectrum.frequency_hz**5).sum())


def pooled(spectra: list[Spectrum], weights: list[int]) -> Spectrum | None:
    """The mean of spectra on one grid, each with the weight of its samples."""
    if not spectra:
        return None
    density = np.average([each.density for each in spectra], axis=0, weights=weights)
    return Spectrum(spectra[0].frequency_hz, density)


def coarse(spectrum: Spectrum, *, points: int) -> Spectrum:
    """At most `points` bins, each the mean of its neighbours; the last few may be left over."""
    width = -(-len(spectrum.density) // points)
    whole = len(spectrum.density) // width * width
    means = (each[:whole].reshape(-1, width).mean(axis=1) for each in vars(spectrum).values())
    return Spectrum(*means)
