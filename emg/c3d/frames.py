"""How many frames the file promises, and whether they are all there."""

from dataclasses import dataclass

from emg.c3d.errors import DamagedC3D, TruncatedC3D
from emg.c3d.layout import BLOCK_BYTES, Header, Layout, whole
from emg.c3d.parameters import ParameterSection
from emg.c3d.source import ByteSource

WORD_IS_FULL = 65_535
BY_LENGTH = "The length of the file"


@dataclass(frozen=True)
class Frames:
    """With `BY_LENGTH` nothing but the file's length says that the count is complete."""

    count: int
    said_by: str
    first: int


def count_frames(
    header: Header,
    parameters: ParameterSection,
    layout: Layout,
    *,
    size_bytes: int,
    source: ByteSource,
) -> Frames:
    """The frames that are promised, if the file holds them all: TruncatedC3D if it ends before.

    `source` is asked at most once, for the last block. Raises DamagedC3D if no frame is promised,
    or another count that the file has room for is higher: a count that wrapped at 16 bits would
    silently lose the rest.

    https://c3d.org/HTML/Documents/thec3dframecount.htm
    https://c3d.org/HTML/Documents/longframes.htm
    https://c3d.org/HTML/Documents/trialactualstartfield.htm (whose 65535 has to be 65536)
    """
    first = _double_word("TRIAL:ACTUAL_START_FIELD", parameters)
    last = _double_word("TRIAL:ACTUAL_END_FIELD", parameters)
    in_trial = 0 if first is None or last is None else last - first + 1
    count, said_by = _promised(header, parameters, trial_count=in_trial)
    space = _Space(layout, size_bytes, source)
    if said_by == BY_LENGTH:
        count = space.filled_frames()
        space.check_is_whole(count)
    if count < 1:
        raise DamagedC3D("The file promises no frames.")
    space.check_holds(count, said_by)
    space.check_holds_no_more(count, others=(header.frame_count, in_trial))
    return Frames(count, said_by, header.first_frame if first is None or last is None else first)


def _promised(header: Header, parameters: ParameterSection, *, trial_count: int) -> tuple[int, str]:
    """Integers end at 65,535: that many may stand for more."""
    long_frames = parameters.number("POINT:LONG_FRAMES")
    if long_frames is not None:
        return whole("POINT:LONG_FRAMES", long_frames), "POINT:LONG_FRAMES"
    frames = parameters.number("POINT:FRAMES")
    if frames is not None and frames != WORD_IS_FULL:
        return whole("POINT:FRAMES", frames), "POINT:FRAMES"
    if frames is None and header.last_frame != WORD_IS_FULL:
        return header.frame_count, "The header"
    if trial_count >= WORD_IS_FULL:
        return trial_count, "TRIAL:ACTUAL_END_FIELD"
    return 0, BY_LENGTH


def _double_word(name: str, parameters: ParameterSection) -> int | None:
    """Of two 16-bit words, the low one first."""
    words = [whole(name, word) for word in parameters.numbers(name)[:2]]
    return sum(word << 16 * place for place, word in enumerate(words)) if words else None


@dataclass(frozen=True)
class _Space:
    """What the data section has room for."""

    layout: Layout
    size_bytes: int
    source: ByteSource

    @property
    def _bytes(self) -> int:
        return max(0, self.size_bytes - self.layout.data_start_bytes)

    @property
    def frames(self) -> int:
        return self._bytes // (self.layout.frame_bytes or 1)

    def filled_frames(self) -> int:
        """Writers fill the last block with zeros, which may look like some short frames more."""
        if self.size_bytes % BLOCK_BYTES or not self.layout.frame_bytes:
            return self.frames
        block = self.source.read(self.size_bytes - BLOCK_BYTES, BLOCK_BYTES)
        zeros = len(block) - len(block.rstrip(b"\0"))
        beyond = self._bytes % self.layout.frame_bytes
        return self.frames - max(0, zeros - beyond) // self.layout.frame_bytes

    def check_is_whole(self, count: int) -> None:
        """What is no frame can only be what fills the last block."""
        if count < WORD_IS_FULL:
            self.check_holds(WORD_IS_FULL, "The file")
        beyond = self._bytes % (self.layout.frame_bytes or 1)
        if beyond >= BLOCK_BYTES or (beyond and self.size_bytes % BLOCK_BYTES):
            raise TruncatedC3D(f"The file ends within frame {self.frames + 1:,}.")

    def check_holds(self, count: int, said_by: str) -> None:
        if count * self.layout.frame_bytes > self._bytes:
            raise TruncatedC3D(
                f"{said_by} promises {count:,} frames, "
                f"the file ends within frame {self.frames + 1:,}."
            )

    def check_holds_no_more(self, count: int, *, others: tuple[int, ...]) -> None:
        most = max((other for other in others if other <= self.frames), default=0)
        if self.layout.frame_bytes and count < most <= self.filled_frames():
            raise DamagedC3D(
                f"The file counts {count:,} frames in one place and {most:,} in another, "
                "and has room for them all."
            )
