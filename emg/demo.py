"""A recording of nobody, for `up --demo`: two calves that hold twelve times, simulated.

Noise in the band of surface EMG whose power follows the effort, after De Luca (1979), "Physiology
and mathematics of myoelectric signals", IEEE Trans Biomed Eng 26(6).
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

RATE_HZ, POINT_RATE_HZ = 1000, 100
BLOCK_BYTES, INTEL = 512, 84
HOLDS, EVERY_S, HOLD_S, RAMP_S = 12, 7.0, 3.5, 0.4
BAND_HZ = (20.0, 250.0)
REST_V = 1.5e-6
# What is left of the band at the last hold: muscles that tire become slower.
TIRED = 0.8
# Volts at the first hold, and the share that each hold keeps of the one before.
SIDES = {"CH1 Raw": (95e-6, 0.985), "CH2 Raw": (78e-6, 0.96)}
# One is let go too soon, one is weak.
SHORT, WEAK = 4, 9


def write_recording(path: Path) -> None:
    """A C3D file of 84 s at 1,000 Hz, in volts; there as a whole or not at all."""
    samples = np.array([_side(*side, seed) for seed, side in enumerate(SIDES.values())])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}")
    part.write_bytes(_encoded(samples.astype("<f4")))
    part.replace(path)


def _encoded(samples: NDArray[np.float32]) -> bytes:
    """https://c3d.org/HTML/Documents/c3dfiledescription.htm: a header of one block, parameters of
    two, and floats, in which the channels alternate."""
    channels, count = samples.shape
    per_frame = RATE_HZ // POINT_RATE_HZ
    frames, data_block = count // per_frame, 4
    told = {
        (1, "USED"): _words(0),
        (1, "SCALE"): _floats(-1),
        (1, "RATE"): _floats(POINT_RATE_HZ),
        (1, "DATA_START"): _words(data_block),
        (1, "FRAMES"): _words(frames),
        (2, "USED"): _words(channels),
        (2, "GEN_SCALE"): _floats(1),
        (2, "RATE"): _floats(RATE_HZ),
        (2, "LABELS"): _texts(list(SIDES)),
        (2, "SCALE"): _floats(*[1] * channels),
        (2, "OFFSET"): _words(*[0] * channels),
        (2, "UNITS"): _texts(["V"] * channels),
    }
    groups = _record(-1, "POINT", b"\0") + _record(-2, "ANALOG", b"\0")
    records = b"".join(_record(group, name, body) for (group, name), body in told.items())
    numbers = (2, 0x50, 0, channels * per_frame, 1, frames, 0, -1.0, data_block, per_frame)
    header = struct.pack("<BBHHHHHfHHf", *numbers, POINT_RATE_HZ).ljust(BLOCK_BYTES, b"\0")
    section = (bytes([1, 0x50, 2, INTEL]) + groups + records).ljust(2 * BLOCK_BYTES, b"\0")
    return header + section + samples.T.tobytes()


def _record(group: int, name: str, body: bytes) -> bytes:
    return (
        struct.pack("<bb", len(name), group)
        + name.encode()
        + struct.pack("<h", 2 + len(body))
        + body
    )


def _words(*values: int) -> bytes:
    return _typed(2, struct.pack(f"<{len(values)}h", *values), len(values))


def _floats(*values: float) -> bytes:
    return _typed(4, struct.pack(f"<{len(values)}f", *values), len(values))


def _texts(values: list[str]) -> bytes:
    width = max(map(len, values))
    rows = "".join(value.ljust(width) for value in values).encode()
    return struct.pack("<bBBB", -1, 2, width, len(values)) + rows + b"\0"


def _typed(kind: int, data: bytes, count: int) -> bytes:
    """The last byte is the length of a description."""
    return struct.pack("<bBB", kind, 1, count) + data + b"\0"


def _side(peak_v: float, kept: float, seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed)
    signal = [np.zeros(0)]
    for hold in range(HOLDS):
        effort_v = peak_v * kept**hold * (0.35 if hold == WEAK else 1.0)
        at_s = np.arange(round(EVERY_S * RATE_HZ)) / RATE_HZ
        begins_s, held_s = (EVERY_S - HOLD_S) / 2, 1.0 if hold == SHORT else HOLD_S
        inside_s = np.minimum(at_s - begins_s, begins_s + held_s - at_s)
        effort = np.clip(inside_s / RAMP_S, 0, 1)
        high_hz = BAND_HZ[1] * (1 - (1 - TIRED) * hold / (HOLDS - 1))
        band = butter(4, (BAND_HZ[0], high_hz), "bandpass", fs=RATE_HZ, output="sos")
        active = sosfilt(band, noise.normal(size=at_s.size))
        active /= active.std()
        signal.append(effort_v * effort * active + noise.normal(0, REST_V, at_s.size))
    return np.concatenate(signal)
