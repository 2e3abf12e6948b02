"""Analytics of 8 channels x 2 kHz x 600 s against `neurokit2.emg_process` on the same data.

    python -m bench.analytics [--seconds 600]

NeuroKit2 runs on one channel, whose time is taken eight times; it computes less, and its time is
mostly a loop over samples: no comparison of algorithms.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable

import numpy as np
import psutil
from numpy.typing import NDArray

from bench.report import Ratio, table

CHANNELS = 8
RATE_HZ = 2000
SECONDS = 600
TIMES_FASTER = 150.0
MOST_MB = 150.0
LOOK_EVERY_S = 0.005


def channel(number: int, seconds: int) -> NDArray[np.float32]:
    """Half rest, half contraction, in single precision as a reader gives it."""
    count = seconds * RATE_HZ
    at_s = np.arange(count) / RATE_HZ
    level = np.where(at_s % 5 < 2.5, 1e-4, 3e-6)
    return (level * np.random.default_rng(number).standard_normal(count)).astype(np.float32)


def peak_growth_mb(work: Callable[[], None]) -> float:
    """By how much the process grew while it worked."""
    process = psutil.Process(os.getpid())
    before = peak = process.memory_info().rss
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(LOOK_EVERY_S):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return float(max(peak, process.memory_info().rss) - before) / 1e6


def ours(seconds: int) -> dict[str, float]:
    from emg.analytics.channel import analyse_channel

    took_s = 0.0

    def all_channels() -> None:
        nonlocal took_s
        for number in range(CHANNELS):
            samples = channel(number, seconds)
            started = time.perf_counter()
            analyse_channel(samples, float(RATE_HZ), "V")
            took_s += time.perf_counter() - started

    analyse_channel(channel(0, 5), float(RATE_HZ), "V")
    grown_mb = peak_growth_mb(all_channels)
    return {"took_s": took_s, "peak_mb": grown_mb}


def neurokit(seconds: int) -> dict[str, float]:
    import neurokit2

    samples = channel(0, seconds).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        neurokit2.emg_process(samples, sampling_rate=RATE_HZ)
        return {"took_s": CHANNELS * (time.perf_counter() - started)}


def alone(who: str, seconds: int) -> dict[str, float]:
    """In a process of its own: neither inherits the other's memory."""
    command = [sys.executable, "-m", "bench.analytics", "--only", who, "--seconds", str(seconds)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def rows(seconds: int = SECONDS) -> list[Ratio]:
    """The two rows of the table: how many times faster, and the memory it took."""
    mine, theirs = alone("ours", seconds), alone("neurokit", seconds)
    print(f"ours {mine['took_s']:.2f} s, neurokit2 {theirs['took_s']:.1f} s (1 channel x 8)")
    name = f"analytics, {CHANNELS} channels x 2 kHz x {seconds} s"
    faster = theirs["took_s"] / mine["took_s"]
    return [
        Ratio(f"{name}, neurokit2 / ours", [faster], TIMES_FASTER, at_most=False),
        Ratio(f"{name}, peak MB", [mine["peak_mb"]], MOST_MB, at_most=True),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--only", choices=["ours", "neurokit"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(ours(given.seconds) if given.only == "ours" else neurokit(given.seconds)))
    else:
        table(rows(given.seconds))


if __name__ == "__main__":
    main()
