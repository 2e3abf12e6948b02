"""EMG of one channel, analysed: plain numpy and scipy, no Django.

The parameters need clinical validation; every result carries the version of those it was made with.

Here is what anybody may have at hand who shows or scores results. What calculates them takes 70 MB
and more than a second to load, and is asked for by the name of its module.
"""

from emg.analytics.results import ChannelAnalysis, Contraction, Mvc, MvcSource, as_json
from emg.analytics.scoring.targets import judge
from emg.analytics.units import Amplitude

__all__ = [
    "Amplitude",
    "ChannelAnalysis",
    "Contraction",
    "Mvc",
    "MvcSource",
    "as_json",
    "judge",
]
