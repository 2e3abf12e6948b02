"""Reads C3D files, the format of motion and EMG laboratories: what is in one from its first
blocks, and the samples of one channel without the others.

Whatever the bytes are, either all samples that a file promises can be read or there is a `C3DError`
that says why not. No allocation and no loop is larger than the file itself.

The C3D file format, user guide: https://c3d.org/HTML/Documents/overview.htm
"""

from emg.c3d.channels import iter_channel, read_channel
from emg.c3d.errors import C3DError, DamagedC3D, NotC3D, TruncatedC3D, UnsupportedC3D
from emg.c3d.frames import BY_LENGTH, Frames
from emg.c3d.metadata import Channel, Metadata, Note, read_metadata
from emg.c3d.source import SeekableFile

__all__ = [
    "BY_LENGTH",
    "C3DError",
    "Channel",
    "DamagedC3D",
    "Frames",
    "Metadata",
    "NotC3D",
    "Note",
    "SeekableFile",
    "TruncatedC3D",
    "UnsupportedC3D",
    "iter_channel",
    "read_channel",
    "read_metadata",
]
