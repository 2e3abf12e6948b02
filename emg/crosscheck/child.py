"""Reads one C3D file with ezc3d and writes what it found to standard output.

Run by `emg.crosscheck` as a program of its own, which a hostile file may crash, hang or exhaust.
"""

import json
import os
import resource
import sys
from typing import Any

REFUSED = 2
OUT_OF_MEMORY = 3
TOO_MUCH = 4
ABSENT = 5


def main(path: str, limits: dict[str, int]) -> None:
    confine(limits)
    answer_to = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # ezc3d may print
    try:
        head, samples = read(path)
    except ModuleNotFoundError:
        sys.exit(ABSENT)
    except (MemoryError, RuntimeError) as error:
        is_memory = isinstance(error, MemoryError) or "bad_alloc" in str(error)
        sys.exit(OUT_OF_MEMORY if is_memory else REFUSED)
    if samples.nbytes > limits["answer_bytes"]:
        sys.exit(TOO_MUCH)
    with answer_to:
        answer_to.write(json.dumps(head).encode() + b"\n")
        answer_to.write(samples.data)


def confine(limits: dict[str, int]) -> None:
    cpu_s = limits["cpu_s"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))  # SIGXCPU, then SIGKILL
    for limit, most in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (most, most))


def read(path: str) -> tuple[dict[str, Any], Any]:
    import ezc3d
    import numpy as np

    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # numpy has started what threads it wants
    file = ezc3d.c3d(path)
    analog = file["parameters"]["ANALOG"]
    samples = np.ascontiguousarray(file["data"]["analogs"][0], dtype="<f8")
    head = {
        "channel_names": list(analog["LABELS"]["value"]),
        "sampling_rate_hz": float(file["header"]["analogs"]["frame_rate"]),
        "frame_count": int(file["data"]["points"].shape[-1]),
        "shape": samples.shape,
    }
    return head, samples


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
