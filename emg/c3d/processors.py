"""The three machines in whose numbers C3D files are written."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

VAX_EXPONENT_BIAS = 128
FRACTION_BITS = 24


class Processor(Enum):
    """Fourth byte of https://c3d.org/HTML/Documents/parametersection.htm"""

    INTEL = 84
    DEC = 85
    MIPS = 86

    @property
    def int16(self) -> np.dtype[np.int16]:
        return np.dtype(f"{self._order}i2")

    @property
    def uint16(self) -> np.dtype[np.uint16]:
        return np.dtype(f"{self._order}u2")

    @property
    def float32(self) -> np.dtype[np.float32] | np.dtype[np.uint32]:
        """As stored: DEC's floats are plain bits until `floats` has seen them."""
        return np.dtype(f"{self._order}{'u4' if self is Processor.DEC else 'f4'}")

    @property
    def _order(self) -> str:
        return ">" if self is Processor.MIPS else "<"

    def floats(self, stored: NDArray[np.generic]) -> NDArray[np.float64]:
        """What numbers of type `float32` say; a signalling NaN is a value like any other."""
        if self is Processor.DEC:
            return from_vax(stored.astype(np.uint32, copy=False))
        with np.errstate(invalid="ignore"):
            return stored.astype(np.float64)


def from_vax(stored: NDArray[np.uint32]) -> NDArray[np.float64]:
    """VAX F floating-point numbers, exactly; the reserved operand (sign, no exponent) is NaN.

    They were read in little-endian order: the two 16-bit halves are still swapped. A VAX number is
    0.1f * 2**(e - 128). Swapping and dividing by four as an IEEE number gives the same except at
    both ends of the range, where IEEE has its infinities and subnormals.
    """
    bits = (stored << 16) | (stored >> 16)
    negative = bits >> 31 == 1
    exponent = ((bits >> 23) & 0xFF).astype(np.int32)
    fraction = ((bits & 0x7FFFFF) | 0x800000).astype(np.float64)
    size = np.ldexp(fraction, exponent - VAX_EXPONENT_BIAS - FRACTION_BITS)
    value = np.where(negative, -size, size)
    return np.where(exponent > 0, value, np.where(negative, np.nan, 0.0))
