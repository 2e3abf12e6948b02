"""How fast C3D files are read, beside ezc3d on the same files, and how soon a storage webhook is
answered with what is in them; and a channel as it is looked at:

python -m bench.emg            about a minute
python -m bench.emg --quick    a smoke run, whose figures mean little
"""

import argparse
import gzip
import hashlib
import http.client
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from bench import report
from bench.report import Ratio
from bench.stack import Stack
from emg import c3d
from emg.hashing import HashingReader
from tests.emg.c3d_files import C3DFile

MEGABYTE = 1_000_000
SIZES_MB = (1, 48, 104)
CHANNELS, RATE_HZ, POINT_RATE_HZ = 8, 2000, 20
PIECE_BYTES = 1 << 20
METADATA_READS = 200
BUCKET = "c3d-examples"
WARM_UP = 20
MOST_POINTS = 2000
PACKAGES = ("numpy", "ezc3d")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the reader of C3D files.")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    rounds = 2 if parser.parse_args().quick else 9
    environment()
    with recordings() as paths:
        ratios = [*metadata(paths), *content_hash(paths[48], rounds)]
        for size_mb in (48, 104):
            ratios += one_channel(paths[size_mb], size_mb, rounds)
        ratios += webhook_answers(paths, requests=10 * rounds)
        ratios += signal_answers(paths, rounds)
    report.table(ratios)
    return 0 if all(ratio.passed for ratio in ratios) else 1


def environment() -> None:
    lines = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{report.processor()}, {os.cpu_count()} cores, {report.memory_gb():.0f} GB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }
    for name, text in lines.items():
        print(f"{name:>12}  {text}")


@contextmanager
def recordings() -> Iterator[dict[int, Path]]:
    """Eight channels of noise and two points, as floats; by size in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        yield {size_mb: recording(Path(folder), size_mb) for size_mb in SIZES_MB}


def recording(folder: Path, size_mb: int) -> Path:
    per_frame = RATE_HZ // POINT_RATE_HZ
    frames = size_mb * MEGABYTE // (4 * (CHANNELS * per_frame + 8))
    noise = np.random.default_rng(size_mb).normal(0, 1e-4, (CHANNELS, frames * per_frame))
    file = C3DFile(
        noise.astype(np.float32), per_frame=per_frame, point_rate_hz=POINT_RATE_HZ, point_count=2
    )
    path = folder / f"{size_mb}.c3d"
    path.write_bytes(file.encoded())
    return path


def took_ms(work: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    work()
    return (time.perf_counter() - began_at) * 1000


def metadata(paths: dict[int, Path]) -> list[Ratio]:
    """In turn, so that whatever else the machine does hits all sizes alike."""
    took: dict[int, list[float]] = {size_mb: [] for size_mb in paths}
    for _ in range(METADATA_READS):
        for size_mb, path in paths.items():
            took[size_mb].append(took_ms(partial(read_metadata, path)))
    rows = []
    for size_mb, times_ms in took.items():
        p95_ms = statistics.quantiles(times_ms, n=20)[-1]
        rows.append(Ratio(f"metadata of {size_mb} MB, p95 in ms", [p95_ms], 1, at_most=True))
    flat = statistics.median(took[SIZES_MB[-1]]) / statistics.median(took[SIZES_MB[0]])
    return [*rows, Ratio("metadata, p50: 104 MB / 1 MB", [flat], 1.5, at_most=True)]


def read_metadata(path: Path) -> c3d.Metadata:
    with path.open("rb") as file:
        return c3d.read_metadata(file, size_bytes=path.stat().st_size)


def content_hash(path: Path, rounds: int) -> list[Ratio]:
    values = []
    for number in range(1, rounds + 1):
        alone_ms = took_ms(partial(hash_alone, path))
        both_ms = took_ms(partial(hash_and_metadata, path))
        print(f"{number:>4}  SHA-256 of 48 MB {alone_ms:.0f} ms, with metadata {both_ms:.0f} ms")
        values.append(both_ms / alone_ms)
    return [Ratio("48 MB: metadata and SHA-256 / SHA-256", values, 1.5, at_most=True)]


def hash_alone(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_and_metadata(path: Path) -> tuple[str, c3d.Metadata]:
    """As a download is taken in: hashed while it goes by, then described."""
    with path.open("rb") as file:
        reader = HashingReader(file)
        while reader.read(PIECE_BYTES):
            pass
        return reader.sha256, c3d.read_metadata(file, size_bytes=reader.size_bytes)


def one_channel(path: Path, size_mb: int, rounds: int) -> list[Ratio]:
    import ezc3d

    values = []
    for number in range(1, rounds + 1):
        ours_ms = took_ms(partial(read_channel, path))
        theirs_ms = took_ms(partial(ezc3d.c3d, str(path)))
        print(f"{number:>4}  {size_mb} MB: one channel {ours_ms:.1f} ms, ezc3d {theirs_ms:.0f} ms")
        values.append(theirs_ms / ours_ms)
    return [Ratio(f"{size_mb} MB: ezc3d.c3d() / one channel", values, 20, at_most=False)]


def read_channel(path: Path) -> None:
    with path.open("rb") as file:
        found = c3d.read_metadata(file, size_bytes=path.stat().st_size)
        c3d.read_channel(file, found, CHANNELS - 1)


def webhook_answers(paths: dict[int, Path], *, requests: int) -> list[Ratio]:
    """Whole answers of the real server: stored, registered, and the metadata of a new file read."""
    with Stack() as stack:
        made = stack.manage(
            "create_endpoint", "storage", "--owner", "bench@localhost.local", "--json"
        )
        token = json.loads(made)["token"]
        took: dict[int, list[float]] = {size_mb: [] for size_mb in paths}
        with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)) as server:
            for number in range(WARM_UP + requests):
                for size_mb, path in paths.items():
                    name = upload(stack, path, f"{size_mb}-{number}")
                    took[size_mb].append(took_ms(partial(tell, server, token, name)))
    rows = []
    for size_mb, times_ms in took.items():
        p95_ms = statistics.quantiles(times_ms[WARM_UP:], n=20)[-1]
        label = f"webhook of {size_mb} MB answered with metadata, p95 in ms"
        rows.append(Ratio(label, [p95_ms], 50, at_most=True))
    return rows


def upload(stack: Stack, path: Path, stem: str) -> str:
    name = f"P039/P039S003/{stem}.c3d"
    uploaded = stack.var / "media" / BUCKET / name
    uploaded.parent.mkdir(parents=True, exist_ok=True)
    uploaded.hardlink_to(path)
    return name


def tell(server: http.client.HTTPConnection, token: str, name: str) -> str:
    body = json.dumps({"bucket": BUCKET, "object_path": name})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    server.request("POST", "/storage/c3d-upload-optimized", body, headers)
    answer = json.loads(server.getresponse().read())
    assert answer["metadata"]["channel_count"] == CHANNELS, answer
    return str(answer["session_id"])


def signal_answers(paths: dict[int, Path], rounds: int) -> list[Ratio]:
    """Whole answers of the real server: a channel read, filtered, drawn, packed and sent."""
    rows = []
    with Stack() as stack:
        owner = ("--owner", "bench@localhost.local")
        endpoint = json.loads(stack.manage("create_endpoint", "storage", *owner, "--json"))
        person = json.loads(
            stack.manage("create_account", "staff@localhost.local", "--superuser", "--json")
        )
        with closing(http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)) as server:
            for size_mb in (48, 104):
                name = upload(stack, paths[size_mb], str(size_mb))
                session_id = tell(server, endpoint["token"], name)
                rows += looked_at(
                    partial(look, server, person["token"], session_id),
                    paths[size_mb],
                    size_mb,
                    rounds,
                )
    return rows


def looked_at(answer: Callable[[], int], path: Path, size_mb: int, rounds: int) -> list[Ratio]:
    import ezc3d

    sizes_kb, values = [], []
    answer()  # whatever the server imports and prepares once
    for number in range(1, rounds + 1):
        began_at = time.perf_counter()
        sizes_kb.append(answer() / 1000)
        ours_ms = (time.perf_counter() - began_at) * 1000
        theirs_ms = took_ms(partial(ezc3d.c3d, str(path)))
        print(f"{number:>4}  {size_mb} MB: answered in {ours_ms:.0f} ms, ezc3d {theirs_ms:.0f} ms")
        values.append(theirs_ms / ours_ms)
    return [
        Ratio(f"{size_mb} MB: ezc3d.c3d() / one channel just in time", values, 20, at_most=False),
        Ratio(f"{size_mb} MB: one channel on the wire, kB", sizes_kb, 100, at_most=True),
    ]


def look(server: http.client.HTTPConnection, token: str, session_id: str) -> int:
    """Bytes of the body, as they come."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    path = f"/signals/{session_id}/EMG{CHANNELS}?points={MOST_POINTS}"
    server.request("GET", path, headers=headers)
    answer = server.getresponse()
    body = answer.read()
    assert (answer.status, answer.getheader("Content-Encoding")) == (200, "gzip"), body
    assert len(json.loads(gzip.decompress(body))["max"]) > MOST_POINTS / 2
    return len(body)


if __name__ == "__main__":
    sys.exit(main())
