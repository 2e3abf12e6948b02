"""Harm done to a real installation, and what is left of it:

python -m tests.faults                       all scenarios, about ten minutes
python -m tests.faults poison fencing        only these
python -m tests.faults --scale 0.1           a tenth of the deliveries and of the time
"""

import argparse
import os
import signal
import sys
import time

from tests.faults.ledger import Finding
from tests.faults.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(description="Does harm to an installation of its own.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(SCENARIOS))
    parser.add_argument("--scale", type=float, default=1.0, help="of counts and times")
    options = parser.parse_args()
    unknown = set(options.names) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say(f"scale {options.scale:g}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    results = [run(name, options.scale) for name in options.names or SCENARIOS]
    return 0 if all(results) else 1


def run(name: str, scale: float) -> bool:
    scenario = SCENARIOS[name]
    with scenario.stack() as stack:
        began_at = time.monotonic()
        finding = scenario.run(stack, scale)
        took_s = time.monotonic() - began_at
    say(row(name, scenario.what, finding, took_s))
    return not finding.failed


def row(name: str, what: str, finding: Finding, took_s: float) -> str:
    figures = ", ".join(f"{figure} {value}" for figure, value in finding.figures.items())
    verdict = f"FAIL: {'; '.join(finding.failed)}" if finding.failed else "pass"
    return f"{name}: {what} ({took_s:.0f} s)\n    {figures}\n    {verdict}\n"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
