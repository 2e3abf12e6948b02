"""A recording of nobody, for `up --demo`: two calves that hold twelve times, simulated.

Noise in the band of surface EMG whose power follows the effort, after De Luca (1979), "Physiology
and mathematics of myoelectric signals", IEEE Trans Biomed Eng 26(6).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from emg.c3d.writing import encode

RATE_HZ, POINT_RATE_HZ = 1000, 100
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
    part.write_bytes(
        encode(samples, list(SIDES), unit="V", rate_hz=RATE_HZ, point_rate_hz=POINT_RATE_HZ)
    )
    part.replace(path)


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
