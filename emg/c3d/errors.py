"""Why a file was not read. The message is a sentence that people may see."""


class C3DError(ValueError):
    """No samples come out of this file; it never means that some were left out."""


class NotC3D(C3DError):
    """The bytes are something else."""


class UnsupportedC3D(C3DError):
    """A C3D file, of a kind that this reader does not know."""


class DamagedC3D(C3DError):
    """The file contradicts itself, or what is needed to read it is missing."""


class TruncatedC3D(DamagedC3D):
    """The file ends before what it promises."""
