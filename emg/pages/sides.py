"""What each muscle did: repetitions against targets, and left against right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from emg.analytics import Contraction
from emg.analytics.scoring.score_profile import Profile, Targets
from emg.models import Recording
from emg.pages.words import (
    NOTHING,
    USUAL,
    Chip,
    ContractionVerdict,
    Scale,
    flag_chip,
    hertz,
    percent,
    scale_of,
    verdict_of,
    whole,
)
from emg.recordings import scoring

Json = dict[str, Any]
MOST_PIPS = 240
CLEAR_SNR_DB = 10
SOURCES = {
    "given": ("ok", "check_circle", "MVC from the file"),
    "stored": ("ok", "check_circle", "MVC stored"),
    "set": ("ok", "check_circle", "MVC set by hand"),
    "estimated": ("warn", "warning", "MVC estimated"),
    "none": ("warn", "warning", "no MVC"),
}


@dataclass(frozen=True)
class ComparisonBar:
    """`of` is the target of repetitions, else the repetitions themselves."""

    name: str
    got: str
    of: str
    percent: float | None


@dataclass(frozen=True)
class Pip:
    number: int
    verdict: ContractionVerdict
    words: str
    # The target of repetitions was reached with the one before.
    beyond: bool


@dataclass(frozen=True)
class Flagged:
    side: str
    chip: Chip
    words: str
    consequence: str


@dataclass(frozen=True)
class ChannelSummary:
    """One muscle as its cards show it; `tone` is left, right or other."""

    name: str
    tone: str
    title: str
    analysis: Json
    contractions: Sequence[Contraction]
    targets: Targets
    mvc: float | None
    mvc_source: str
    scale: Scale
    # Of the score; None if this muscle has no side.
    compliance: Json | None

    @property
    def pips(self) -> list[Pip]:
        return [
            Pip(number, verdict, _said(number, one, verdict, self.scale), _beyond(number, self))
            for number, one in enumerate(self.contractions[:MOST_PIPS], 1)
            for verdict in [verdict_of(one)]
        ]

    @property
    def more_pips(self) -> int:
        return max(len(self.contractions) - MOST_PIPS, 0)

    @property
    def count(self) -> int:
        return len(self.contractions)

    @property
    def good(self) -> int:
        return sum(one.good for one in self.contractions)

    @property
    def strong(self) -> int | None:
        """None: without an MVC nobody can say."""
        return None if self.mvc is None else sum(one.meets_mvc is True for one in self.contractions)

    @property
    def held(self) -> int:
        return sum(one.meets_duration for one in self.contractions)

    @property
    def bars(self) -> list[ComparisonBar]:
        wanted = self.targets.contractions
        return [
            ComparisonBar(
                "Repetitions", str(self.count), str(wanted), min(100 * self.count / wanted, 100)
            ),
            self._share("Strong enough", self.strong),
            self._share("Long enough", self.held),
        ]

    def _share(self, name: str, got: int | None) -> ComparisonBar:
        if got is None:
            return ComparisonBar(name, NOTHING, str(self.count), None)
        return ComparisonBar(
            name, str(got), str(self.count), 100 * got / self.count if self.count else 0
        )

    @property
    def score(self) -> str:
        return whole(_score(self))

    @property
    def asked(self) -> str:
        """What a good contraction has to reach."""
        level = f"{self.targets.mvc_percent:g} % of MVC"
        if self.threshold is not None:
            level += f" ({self.scale.words(self.threshold)})"
        return f"{level}, held {self.targets.duration_s:g} s"

    @property
    def threshold(self) -> float | None:
        return self.targets.level(self.mvc)

    @property
    def in_contraction(self) -> float | None:
        """The envelope's mean over all contractions, each by its length."""
        total_s = math.fsum(one.duration_s for one in self.contractions)
        if not total_s:
            return None
        return math.fsum(one.mean * one.duration_s for one in self.contractions) / total_s

    @property
    def in_contraction_words(self) -> str:
        return self.scale.words(self.in_contraction)

    @property
    def mvc_words(self) -> str:
        return self.scale.words(self.mvc)

    @property
    def snr(self) -> Chip | None:
        value = self.analysis.get("snr_db")
        if value is None:
            return None
        clear = value >= CLEAR_SNR_DB
        tone, symbol = ("ok", "check_circle") if clear else ("warn", "warning")
        return tone, symbol, f"{self.title}: SNR {value:.0f} dB"

    @property
    def flags(self) -> list[Flagged]:
        """Without the estimate of the MVC, which has a mark of its own."""
        return [
            Flagged(self.title, flag_chip(flag["code"]), flag["words"], flag["consequence"])
            for flag in self.analysis["quality"]
            if flag["code"] not in USUAL
        ]


def _said(number: int, one: Contraction, verdict: ContractionVerdict, scale: Scale) -> str:
    reached = "" if one.mvc_percent is None else f", {one.mvc_percent:.0f} % of MVC"
    return (
        f"{number}: {verdict.words}, {one.duration_s:.2f} s, peak {scale.words(one.peak)}{reached}"
    )


def _beyond(number: int, channel: ChannelSummary) -> bool:
    return number == channel.targets.contractions + 1


def channels_of(recording: Recording, profile: Profile) -> list[ChannelSummary]:
    """The sides first, then what else was measured."""
    side_of = {name: side for side, name in scoring.sides(recording).items() if name}
    order = {"left": 0, "right": 1}
    names = sorted(recording.analytics or {}, key=lambda name: order.get(side_of.get(name, ""), 2))
    muscles = scoring.muscles(recording, profile)
    return [_channel(recording, name, side_of.get(name, ""), muscles[name]) for name in names]


def _channel(recording: Recording, name: str, side: str, muscle: Any) -> ChannelSummary:
    analysis = (recording.analytics or {})[name]
    own = "mvc" in recording.own_targets(name)
    largest = max([muscle.mvc or 0.0, *(one.peak for one in muscle.contractions)])
    return ChannelSummary(
        name=name,
        tone=side or "other",
        title=side.title() or name,
        analysis=analysis,
        contractions=muscle.contractions,
        targets=muscle.targets,
        mvc=muscle.mvc,
        mvc_source="set" if own else analysis["mvc"]["source"],
        scale=scale_of(analysis["unit"], largest),
        compliance=(recording.scores or {}).get(side) if side else None,
    )


# --- left against right -----------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """`left_share` and `right_share` of the larger one; `lsi` the smaller in % of the larger."""

    name: str
    left: str
    right: str
    left_share: float
    right_share: float
    lsi: str


def compared(left: ChannelSummary, right: ChannelSummary) -> list[Compared]:
    left, right = _one_scale(left, right)
    return [
        _compared("Repetitions", left.count, right.count, whole),
        _compared("Strong enough", left.strong, right.strong, whole),
        _compared("Long enough", left.held, right.held, whole),
        _compared(
            "RMS in contraction", left.in_contraction, right.in_contraction, left.scale.words
        ),
        _compared("MVC", left.mvc, right.mvc, left.scale.words),
        _compared("Median frequency", left.analysis["mdf"], right.analysis["mdf"], hertz),
        _compared("Compliance", _score(left), _score(right), percent),
    ]


def _one_scale(
    left: ChannelSummary, right: ChannelSummary
) -> tuple[ChannelSummary, ChannelSummary]:
    """Amplitudes side by side are told in one unit, if they share one."""
    if left.analysis["unit"] != right.analysis["unit"]:
        return left, right
    scale = min(left.scale, right.scale, key=lambda one: one.factor)
    return replace(left, scale=scale), replace(right, scale=scale)


def _score(channel: ChannelSummary) -> float | None:
    return channel.compliance["score"] if channel.compliance else None


def _compared(name: str, left: float | None, right: float | None, words: Any) -> Compared:
    known = [value for value in (left, right) if value is not None]
    most = max(known, default=0) or 1
    both = len(known) == 2 and max(known) > 0
    return Compared(
        name=name,
        left=words(left),
        right=words(right),
        left_share=100 * (left or 0) / most,
        right_share=100 * (right or 0) / most,
        lsi=percent(100 * min(known) / max(known)) if both else NOTHING,
    )
