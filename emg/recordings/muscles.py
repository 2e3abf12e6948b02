"""The muscles of a file through `emg.analytics`, one after the other: memory holds one of them."""

import re
from collections.abc import Callable
from typing import IO, Any

from emg import c3d
from emg.analytics import Amplitude, as_json
from emg.analytics.channel import analyse_channel
from emg.analytics.pairing import Pair, device_intervals, pair
from emg.analytics.parameters import PARAMETERS
from emg.analytics.samples import Samples
from omibackend.core.errors import SetAside

# GHOSTLY leaves the unit empty and means volts. Forces, moments and angles come as channels too.
VOLTS = re.compile(r"(|[mnuµμ]?v(olts?)?)", re.IGNORECASE)
FORCE = re.compile(r"[FM][xyz]\d*|(force|moment)\b.*", re.IGNORECASE)
MVC_NOTE = re.compile(r".*:MVC(_VALUES?)?")
UNITS = {"": "V", "V": "V", "MV": "mV", "UV": "uV", "ΜV": "uV", "NV": "nV"}


def measure(
    file: IO[bytes], metadata: c3d.Metadata, on_progress: Callable[[int], None]
) -> dict[str, Any]:
    """What is kept of each muscle, by the name of its channel.

    A channel in which the device shows where it saw activity says when a muscle was active.
    """
    pairs = emg_pairs(metadata)
    names = channel_names(metadata)
    measured = {}
    for done, muscle in enumerate(pairs, 1):
        measured[names[muscle.raw]] = _muscle(file, metadata, muscle)
        on_progress(100 * done // len(pairs))
    return measured


def _muscle(file: IO[bytes], metadata: c3d.Metadata, muscle: Pair) -> dict[str, Any]:
    number = muscle.activated
    try:
        return analysed(
            c3d.read_channel(file, metadata, muscle.raw),
            metadata.sampling_rate_hz,
            unit_of(metadata.channels[muscle.raw]),
            activated=None if number is None else c3d.read_channel(file, metadata, number),
            given_mvc=_given_mvc(metadata, muscle.raw),
        )
    except ValueError as error:
        raise SetAside(str(error)) from error


def analysed(
    samples: Samples,
    rate_hz: float,
    unit: str,
    *,
    activated: Samples | None,
    given_mvc: Amplitude | None = None,
) -> dict[str, Any]:
    """Raises ValueError for samples that cannot be analysed."""
    analysis = analyse_channel(
        samples,
        rate_hz,
        unit,
        parameters=PARAMETERS,
        given_mvc=given_mvc,
        device_intervals=None if activated is None else device_intervals(activated, rate_hz),
    )
    found: dict[str, Any] = as_json(analysis)
    return found


def emg_pairs(metadata: c3d.Metadata) -> list[Pair]:
    """The channels in volts that hold EMG; SetAside if there are none."""
    if not metadata.channels:
        raise SetAside("The file has no analog channel: there is no EMG in it.")
    numbers = [number for number, channel in enumerate(metadata.channels) if is_emg(channel)]
    if not numbers:
        units = ", ".join(sorted({unit or "no unit" for unit in metadata.units}))
        raise SetAside(f"The file has no EMG channel: its channels are forces or in {units}.")
    pairs = pair([metadata.channels[number].name for number in numbers])
    if not pairs:
        raise SetAside("The file has no raw EMG channel: all show what a device made of it.")
    return [
        Pair(
            found.name,
            numbers[found.raw],
            None if found.activated is None else numbers[found.activated],
        )
        for found in pairs
    ]


def is_emg(channel: c3d.Channel) -> bool:
    """In volts, or in no unit that is said; and no force plate, whose amplifiers give volts too."""
    return bool(VOLTS.fullmatch(channel.unit.strip())) and not FORCE.fullmatch(channel.name)


def unit_of(channel: c3d.Channel) -> str:
    """As `emg.analytics` spells it."""
    spelled = channel.unit.strip().upper().removesuffix("S").removesuffix("OLT")
    return UNITS[spelled]


def channel_names(metadata: c3d.Metadata) -> list[str]:
    """A name that comes twice gets its number."""
    names = metadata.channel_names
    return [
        name if names.count(name) == 1 else f"{name} ({number})"
        for number, name in enumerate(names, 1)
    ]


def _given_mvc(metadata: c3d.Metadata, channel: int) -> Amplitude | None:
    """Of a parameter called MVC with a number for each channel."""
    for name, values in metadata.notes.items():
        if MVC_NOTE.fullmatch(name) and len(values) == metadata.channel_count:
            value = values[channel]
            if not isinstance(value, str) and value > 0:
                return Amplitude(float(value), unit_of(metadata.channels[channel]))
    return None
