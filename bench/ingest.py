"""How fast deliveries are accepted and worked:

python -m bench.ingest            about five minutes
python -m bench.ingest --quick    a smoke run, whose figures mean little
"""

import argparse
import signal
import sys

from bench import measures, report, wrk


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the inbox against its targets.")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    options = parser.parse_args()
    wrk.require()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ratios = measures.run_all(measures.QUICK if options.quick else measures.FULL)
    report.table(ratios)
    return 0 if all(ratio.passed for ratio in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
