"""Contraction detection: ours, NeuroKit2's and 10 % of the maximum, on the same recordings.

    python -m bench.detection [--recordings 40] [--seeds 1 2 3] [--files FOLDER]

Simulated recordings know their contractions; a found one counts if it overlaps a true one by half
of what both cover (IoU 0.5). On real GHOSTLY files the truth is the device's own `activated`
channel, which knows nothing of weaker activity, so IoU 0.3 is asked there. Neither is labelled by
hand: the detection needs clinical validation.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ezc3d
import neurokit2
import numpy as np

from bench import simulated
from bench.simulated import Interval, Recording, Samples
from emg.analytics.conditioning import condition
from emg.analytics.contractions import detect
from emg.analytics.pairing import device_intervals, pair
from emg.analytics.parameters import Parameters
from emg.analytics.samples import runs

GHOSTLY = Path("../shared/c3d")
IOU, IOU_REAL = 0.5, 0.3
MERGE_S, SHORTEST_S = 0.2, 0.1

Detector = Callable[[Samples, float], Sequence[Interval]]


def by_name(name: str) -> Detector:
    parameters = Parameters(detector=name)  # type: ignore[arg-type]

    def found(samples: Samples, rate_hz: float) -> Sequence[Interval]:
        return detect(condition(samples, rate_hz, parameters), parameters).intervals

    return found


def neurokit(method: str) -> Detector:
    """`emg_activation` without its loop over events: a threshold at 0.1 SD, or a mixture at 0.33.

    It is given samples of unit SD, close runs are joined and short ones dropped: that only helps.
    """

    def found(samples: Samples, rate_hz: float) -> Sequence[Interval]:
        clean = neurokit2.emg_clean(samples / samples.std(), sampling_rate=round(rate_hz))
        amplitude = neurokit2.emg_amplitude(clean)
        threshold = amplitude.std() / 10 if method == "threshold" else 0.33
        active = neurokit2.signal_binarize(amplitude, method=method, threshold=threshold)
        return joined((first / rate_hz, last / rate_hz) for first, last in runs(active > 0))

    return found


def joined(found: Iterable[Interval]) -> list[Interval]:
    kept: list[Interval] = []
    for start, end in found:
        if kept and start - kept[-1][1] <= MERGE_S:
            kept[-1] = (kept[-1][0], end)
        else:
            kept.append((start, end))
    return [(start, end) for start, end in kept if end - start >= SHORTEST_S]


DETECTORS: dict[str, Detector] = {
    "ours": by_name("adaptive"),
    "nk2 threshold": neurokit("threshold"),
    "nk2 mixture": neurokit("mixture"),
    "10 %": by_name("ten_percent"),
}


def overlap(one: Interval, other: Interval) -> float:
    """Intersection over union."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return max(common, 0.0) / (max(one[1], other[1]) - min(one[0], other[0]))


def matched(
    found: Sequence[Interval], truth: Sequence[Interval], least: float
) -> list[tuple[Interval, Interval]]:
    """Pairs of found and true, each used once, the best overlap first."""
    pairs = sorted(((overlap(a, b), a, b) for a in found for b in truth), reverse=True)
    taken: set[tuple[str, Interval]] = set()
    chosen = []
    for share, mine, true in pairs:
        if share >= least and not {("found", mine), ("true", true)} & taken:
            taken |= {("found", mine), ("true", true)}
            chosen.append((mine, true))
    return chosen


@dataclass
class Tally:
    """What a detector did on a set of recordings."""

    hits: int = 0
    found: int = 0
    true: int = 0
    minutes: float = 0.0
    onset_ms: list[float] = field(default_factory=list)

    def add(self, found: Sequence[Interval], recording: Recording, least: float = IOU) -> None:
        pairs = matched(found, recording.truth, least)
        self.hits += len(pairs)
        self.found += len(found)
        self.true += len(recording.truth)
        self.minutes += len(recording.samples) / recording.rate_hz / 60
        self.onset_ms += [1000 * abs(mine[0] - true[0]) for mine, true in pairs]

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.found + self.true) if self.found + self.true else 1.0

    @property
    def false_per_minute(self) -> float:
        return (self.found - self.hits) / self.minutes

    @property
    def onset_median_ms(self) -> float:
        return float(np.median(self.onset_ms)) if self.onset_ms else float("nan")


def on_simulated(count: int, seeds: Sequence[int]) -> bool:
    print(f"{'set':<10}{'seed':>5}" + "".join(f"{name:>26}" for name in DETECTORS))
    print(f"{'':<15}" + f"{'F1   false/min  onset':>26}" * len(DETECTORS))
    verdicts = [one_set(name, count, seed) for name in simulated.SETS for seed in seeds]
    return all(verdicts)


def one_set(name: str, count: int, seed: int) -> bool:
    tallies = {detector: Tally() for detector in DETECTORS}
    for recording in simulated.recordings(name, count=count, seed=seed):
        for detector, tally in tallies.items():
            tally.add(DETECTORS[detector](recording.samples, recording.rate_hz), recording)
    cells = "".join(
        f"{each.f1:>9.3f}{each.false_per_minute:>9.2f}{each.onset_median_ms:>6.0f}ms"
        for each in tallies.values()
    )
    ours, *others = tallies.values()
    silent = ours.true == 0
    passed = ours.found == 0 if silent else ours.f1 >= max(each.f1 for each in others)
    print(f"{name:<10}{seed:>5}{cells}  {'pass' if passed else 'FAIL'}", flush=True)
    return passed


def ghostly(folder: Path) -> dict[str, Recording]:
    """Every raw channel of the folder's GHOSTLY files, with what the device saw in it."""
    found = {}
    for path in sorted(folder.glob("Ghostly_Emg_*.c3d")):
        file = ezc3d.c3d(str(path))
        rate_hz = float(file["header"]["analogs"]["frame_rate"])
        samples = file["data"]["analogs"][0]
        for muscle in pair(file["parameters"]["ANALOG"]["LABELS"]["value"]):
            if muscle.activated is not None:
                truth = device_intervals(samples[muscle.activated], rate_hz)
                name = f"{path.stem[12:]} {muscle.name}"
                found[name] = Recording(samples[muscle.raw], rate_hz, truth)
    return found


def on_real(folder: Path) -> bool:
    recordings = ghostly(folder)
    if not recordings:
        print(f"\nno GHOSTLY files in {folder}: the real part was not run")
        return True
    print(f"\n{'against the device, IoU 0.3':<40}" + "".join(f"{name:>15}" for name in DETECTORS))
    rows = {name: real_row(recording) for name, recording in recordings.items()}
    for name, row in {**rows, "mean": np.mean(list(rows.values()), axis=0)}.items():
        print(f"{name:<40}" + "".join(f"{value:>15.3f}" for value in row))
    ours, *_, ten_percent = np.mean(list(rows.values()), axis=0)
    print("pass" if ours >= ten_percent else "FAIL")
    return bool(ours >= ten_percent)


def real_row(recording: Recording) -> list[float]:
    row = []
    for detector in DETECTORS.values():
        tally = Tally()
        tally.add(detector(recording.samples, recording.rate_hz), recording, IOU_REAL)
        row.append(tally.f1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recordings", type=int, default=40, help="of each set and seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--files", type=Path, default=GHOSTLY, help="folder of GHOSTLY files")
    given = parser.parse_args()
    verdicts = on_simulated(given.recordings, given.seeds), on_real(given.files)
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()
