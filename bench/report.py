"""What a run prints: the machine, each repetition, and the ratios against their targets."""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import wrk
from bench.stack import Stack

PACKAGES = ("django", "djangorestframework", "granian", "psycopg2-binary", "rq", "redis")
PEER_PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "asyncpg")
FLUSHES = 300
PAGE_BYTES = 8192


@dataclass(frozen=True)
class Ratio:
    """One figure of the final table, a ratio for each repetition."""

    name: str
    values: Sequence[float]
    target: float
    at_most: bool
    clean: bool = True

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def passed(self) -> bool:
        kept = self.median <= self.target if self.at_most else self.median >= self.target
        return self.clean and kept


def environment(stack: Stack) -> None:
    settings = ("server_version", "fsync", "synchronous_commit", "wal_sync_method")
    found = {name: stack.sql(f"SHOW {name}")[0][0] for name in settings}
    with stack.engines.redis() as redis:
        redis_version = redis.info("server")["redis_version"]
    p50_us, p99_us = flush_us(stack.var)
    lines = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{processor()}, {os.cpu_count()} cores, {memory_gb():.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "PostgreSQL": ", ".join(f"{name} {value}" for name, value in found.items()),
        "Redis": f"{redis_version}, appendfsync everysec",
        "ours": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "peer": ", ".join(f"{name} {version(name)}" for name in PEER_PACKAGES),
        "load by": wrk.version(),
        "disk flush": f"{PAGE_BYTES} B written and flushed in {p50_us:.0f} µs (p50), "
        f"{p99_us:.0f} µs (p99)",
    }
    for name, text in lines.items():
        print(f"{name:>12}  {text}")


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def flush_us(folder: Path) -> tuple[float, float]:
    """What a commit has to wait for at least: a page appended and flushed, p50 and p99."""
    page = os.urandom(PAGE_BYTES)
    took_us = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(FLUSHES):
            file.write(page)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            took_us.append((time.perf_counter() - started) * 1e6)
    quantiles = statistics.quantiles(took_us, n=100)
    return quantiles[49], quantiles[98]


def row(repetition: int, what: str, load: wrk.Load) -> None:
    flaw = "" if load.clean else f"  NOT CLEAN: {load.not_2xx} not 2xx, {load.broken} broken"
    print(
        f"{repetition:>4}  {what:<26} p50 {load.p50_us:>8.0f} µs  p99 {load.p99_us:>8.0f} µs  "
        f"{load.per_s:>8.0f} /s  {load.requests:>7} answers{flaw}",
        flush=True,
    )


def table(ratios: Sequence[Ratio]) -> None:
    print(f"\n{'ratio':<58} {'median':>8}  {'min - max':>15}  {'target':>8}")
    for ratio in ratios:
        sign = "<=" if ratio.at_most else ">="
        spread = f"{min(ratio.values):.2f} - {max(ratio.values):.2f}"
        verdict = "pass" if ratio.passed else "FAIL" if ratio.clean else "FAIL (not clean)"
        print(
            f"{ratio.name:<58} {ratio.median:>8.2f}  {spread:>15}  {sign} {ratio.target:>5.2f}"
            f"  {verdict}"
        )
