"""Amplitudes never travel without their unit."""

from dataclasses import dataclass

VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "μV": 1e-6, "nV": 1e-9}


@dataclass(frozen=True)
class Amplitude:
    value: float
    unit: str

    def to(self, unit: str) -> float:
        """The value in another unit of voltage; ValueError if either is none that is known."""
        if unit == self.unit:
            return self.value
        if unit not in VOLTS or self.unit not in VOLTS:
            raise ValueError(f"An amplitude in {self.unit!r} cannot be told in {unit!r}.")
        return self.value * VOLTS[self.unit] / VOLTS[unit]
