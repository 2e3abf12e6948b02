"""What a whole `manage.py up` takes of a machine, at rest and at work:

python -m bench.footprint                        about 25 minutes
python -m bench.footprint --idle 1 --minutes 2   a shorter look
python -m bench.footprint --limit 1GiB           the same within a control group, where there is one

Memory is PSS: a page that n processes share counts as one n-th in each, so that the sum is what the
installation really takes.
"""

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from bench.engines import ROOT
from bench.processes import descendants
from bench.stack import free_port

PER_S = 20
SAMPLE_S = 5.0
FLAT = 1.05
STARTED_WITHIN_S = 180.0
STOPPED_WITHIN_S = 60.0
CHECKS = 5
TICKS = os.sysconf("SC_CLK_TCK")


class Up:
    """A real `manage.py up` of its own, within a control group if a limit is given."""

    def __init__(self, limit: str | None) -> None:
        self.var = Path(tempfile.mkdtemp(prefix="omibackend-footprint-"))
        self.port = free_port()
        self.log = self.var / "up.log"
        self.grouped = bool(limit) and _has_groups()
        argv = [sys.executable, str(ROOT / "manage.py"), "up"]
        if self.grouped and limit:
            group = ["systemd-run", "--scope", "--quiet", "-p", f"MemoryMax={_bytes(limit)}"]
            argv = [*group, "-p", "MemorySwapMax=0", *argv]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=self.environment(), stdout=log, stderr=log
            )

    def environment(self) -> dict[str, str]:
        """The defaults of a first start; nothing of the shell's own settings."""
        kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
        return {**kept, "VAR_DIR": str(self.var / "var"), "PORT": str(self.port)}

    def __enter__(self) -> Self:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while "stops everything" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise RuntimeError(self.log.read_text()[-2000:])
            time.sleep(0.2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(STOPPED_WITHIN_S)
        shutil.rmtree(self.var)

    def urls(self) -> dict[str, str]:
        found = re.findall(r"^  (http\S+/webhooks/(\w+)/\S+/)$", self.log.read_text(), re.MULTILINE)
        return {sender: url for url, sender in found}

    def pids(self) -> list[int]:
        """Its processes, and the engines, which belong to nobody but work below its folder."""
        engines = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.var):
                    engines.append(int(process.name))
        return sorted({self.process.pid, *descendants(self.process.pid), *engines})


def _has_groups() -> bool:
    return bool(shutil.which("systemd-run")) and Path("/run/systemd/system").exists()


def _bytes(size: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(MiB|GiB)", size).groups()  # type: ignore[union-attr]
    return int(number) << {"MiB": 20, "GiB": 30}[unit]


def pss_mb(pid: int) -> float:
    with suppress(OSError):
        found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0


def name_of(pid: int) -> str:
    with suppress(OSError):
        said = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        if said.startswith("postgres: "):
            return " ".join(said.split()[:2])
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "gone"


def cpu_s(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return 0.0


def total_mb(up: Up) -> float:
    return sum(map(pss_mb, up.pids()))


def table(up: Up) -> float:
    """One line for each kind of process."""
    kinds: dict[str, list[float]] = {}
    for pid in up.pids():
        kinds.setdefault(name_of(pid), []).append(pss_mb(pid))
    for name, sizes in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        print(f"  {name:32} {len(sizes):3} x {sum(sizes) / len(sizes):6.1f} = {sum(sizes):7.1f} MB")
    total = sum(map(sum, kinds.values()))
    print(f"  {'all':32} {sum(map(len, kinds.values())):3}            {total:7.1f} MB")
    return total


def idle(up: Up, minutes: float) -> None:
    print(f"\nAt rest, for {minutes:g} minutes:")
    before, since = {pid: cpu_s(pid) for pid in up.pids()}, time.monotonic()
    time.sleep(minutes * 60)
    took_s = time.monotonic() - since
    spent = {pid: cpu_s(pid) - before.get(pid, 0.0) for pid in up.pids()}
    table(up)
    print(f"  processor: {100 * sum(spent.values()) / took_s:.2f} % of one core")
    for pid, used_s in sorted(spent.items(), key=lambda item: -item[1])[:6]:
        print(f"    {name_of(pid):30} {100 * used_s / took_s:5.2f} %")


def working(up: Up, minutes: float) -> None:
    print(f"\nAt {PER_S} deliveries a second over {', '.join(up.urls())}, for {minutes:g} minutes:")
    sizes: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SAMPLE_S):
            sizes.append(total_mb(up))

    watcher = threading.Thread(target=watch)
    watcher.start()
    counts = send(up, minutes)
    done.set()
    watcher.join()
    table(up)
    third = len(sizes) // 3
    late, middle = max(sizes[-third:]), max(sizes[third : 2 * third])
    print(f"  answers: {counts}")
    print(f"  largest sum: {max(sizes):.0f} MB; by thirds: {_thirds(sizes)}")
    print(f"  flat over the last third: {'yes' if late <= FLAT * middle else 'NO'}")


def _thirds(sizes: list[float]) -> str:
    third = len(sizes) // 3
    return ", ".join(f"{max(sizes[n * third : (n + 1) * third]):.0f}" for n in range(3))


def send(up: Up, minutes: float) -> dict[int, int]:
    """How often which status was answered. A late answer delays nothing but its own sender."""
    counts: dict[int, int] = {}
    lock = threading.Lock()
    deliveries = enumerate(endless(up))
    began = time.monotonic()

    def run() -> None:
        with httpx.Client(timeout=30) as client:
            while True:
                with lock:
                    number, (url, headers, body) = next(deliveries)
                at_s = number / PER_S
                if at_s > minutes * 60:
                    return
                time.sleep(max(0.0, began + at_s - time.monotonic()))
                status = client.post(url, headers=headers, json=body).status_code
                with lock:
                    counts[status] = counts.get(status, 0) + 1

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def endless(up: Up) -> Iterator[tuple[str, dict[str, str], Any]]:
    """The senders' own samples in turn, of ever other wearables and files."""
    os.environ.update(up.environment(), DJANGO_SETTINGS_MODULE="omibackend.settings")
    import django

    django.setup()
    from webhooks.providers.registry import PROVIDERS

    for turn in itertools.count():
        for name, url in up.urls().items():
            for sample in PROVIDERS[name].samples():
                query = {**sample.query}
                if "uid" in query:
                    query["uid"] = f"wearable-{turn % 50}"
                body = dict(sample.body)
                if path := body.get("object_path"):
                    body["object_path"] = _copied(up, body["bucket"], path, turn)
                yield f"{url}?{urlencode(query)}", dict(sample.headers), body


def _copied(up: Up, bucket: str, path: str, turn: int) -> str:
    """A recording of each name with other bytes, so that each is analysed."""
    folder = up.var / "var" / "media" / bucket
    name = path.replace("P000S001", f"P000S{turn % 1000:03}")
    if not (folder / name).exists():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        content = bytearray((folder / path).read_bytes())
        content[-4:] = turn.to_bytes(4, "little")
        (folder / name).write_bytes(content)
    return name


def check_s(up: Up) -> float:
    """`manage.py check` with everything compiled and in the cache, the best of five."""
    argv = [sys.executable, str(ROOT / "manage.py"), "check"]
    took = []
    for _ in range(CHECKS):
        began = time.perf_counter()
        subprocess.run(argv, env=up.environment(), check=True, capture_output=True)
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures memory and idle processor time.")
    parser.add_argument("--idle", type=float, default=10, metavar="MINUTES")
    parser.add_argument("--minutes", type=float, default=15, help="under load")
    parser.add_argument("--limit", metavar="SIZE", help="e.g. 1GiB or 512MiB")
    options = parser.parse_args()
    with Up(options.limit) as up:
        if options.limit:
            where = "within it" if up.grouped else "no systemd here to set it: see the sums"
            print(f"Limit {options.limit}: {where}")
        print(f"manage.py check: {check_s(up):.2f} s")
        print("\nJust started:")
        table(up)
        idle(up, options.idle)
        working(up, options.minutes)


if __name__ == "__main__":
    main()
