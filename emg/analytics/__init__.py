"""EMG of one channel, analysed: plain numpy and scipy, no Django.

The parameters need clinical validation; every result carries the version of those it was made with.
"""

from emg.analytics.amplitude import mav, rms, rms_envelope
from emg.analytics.channel import analyse_channel
from emg.analytics.pairing import Pair, device_intervals, pair
from emg.analytics.parameters import Parameters
from emg.analytics.results import ChannelAnalysis, Contraction, Mvc, MvcSource, as_json
from emg.analytics.targets import judge
from emg.analytics.units import Amplitude

__all__ = [
    "Amplitude",
    "ChannelAnalysis",
    "Contraction",
    "Mvc",
    "MvcSource",
    "Pair",
    "Parameters",
    "analyse_channel",
    "as_json",
    "device_intervals",
    "judge",
    "mav",
    "pair",
    "rms",
    "rms_envelope",
]
