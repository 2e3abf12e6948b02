"""Which channels are EMG's raw signal, and which show where the device saw activity."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emg.analytics.contractions import share_of_maximum
from emg.analytics.samples import Interval, Samples, checked

ROLE = re.compile(r"^(?:(?P<name>.*?)[\s_-]+)?(?P<role>raw|activated)$", re.IGNORECASE)
DEVICE_SHARE = 0.05


@dataclass(frozen=True)
class Pair:
    """A muscle: its name, where its raw signal is, and where the device's activity, if anywhere."""

    name: str
    raw: int
    activated: int | None


def pair(names: Sequence[str]) -> tuple[Pair, ...]:
    """GHOSTLY's `CH1 Raw` with its `CH1 activated`; a channel without a role is its own muscle.

    An `activated` channel without a raw one is no muscle: it holds no EMG.
    """
    parsed = [(number, *split(name)) for number, name in enumerate(names)]
    activated = {name.casefold(): number for number, name, role in parsed if role == "activated"}
    return tuple(
        Pair(
            name or names[number], number, activated.get(name.casefold()) if role == "raw" else None
        )
        for number, name, role in parsed
        if role != "activated"
    )


def split(name: str) -> tuple[str, str]:
    """`CH1 Raw` -> (`CH1`, `raw`); what has no role keeps its whole name."""
    if found := ROLE.match(name.strip()):
        return found["name"] or "", found["role"].lower()
    return name.strip(), ""


def device_intervals(activated: Samples, rate_hz: float) -> tuple[Interval, ...]:
    """The contractions of an `activated` channel, by 5 % of its maximum, as the original has it."""
    return share_of_maximum(abs(checked(activated, rate_hz)), rate_hz, share=DEVICE_SHARE).intervals
