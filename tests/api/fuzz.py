"""Every operation of the REST API with what its schema allows and what it does not:

python -m tests.api.fuzz                   200 examples for each operation, with and without a token
python -m tests.api.fuzz --examples 10     fewer

All checks of schemathesis: no server error, no answer that the schema does not know, no way around
authentication, bad data refused and good data accepted.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.stack import Stack

ME = "fuzz@example.org"
# After these the token is worth nothing, so that they have a run of their own at the end.
LAST_WORDS = ["/auth/logout", "/auth/logout-all", "/account"]
# The throttle counts in the cache and lets everything pass without one.
SETTINGS = {"CACHE_URL": "redis://127.0.0.1:1/0", "LOG_LEVEL": "ERROR"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Tries the REST API with good and bad data.")
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", type=int, default=None)
    options, more = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Stack(inbox=1, ai=1, maintenance=1, settings=SETTINGS) as stack:
        return run(stack, options.examples, options.seed, more)


def run(stack: Stack, examples: int, seed: int | None, more: Sequence[str] = ()) -> int:
    """The exit code: 0 when nothing was found."""
    token = json.loads(stack.manage("create_account", ME, "--json"))["token"]
    schema = stack.var / "schema.json"
    stack.manage("spectacular", "--format", "openapi-json", "--file", str(schema))
    known = json.loads(schema.read_text())["paths"]
    last = [path for path in LAST_WORDS if path in known]
    common = [
        f"--max-examples={examples}",
        *([f"--seed={seed}"] if seed is not None else []),
        *more,
    ]
    without = [f"--exclude-path={path}" for path in last]
    only = [f"--include-path={path}" for path in last]
    codes = [
        st(stack, schema, "with a token", [*common, *without, *bearer(token)]),
        st(stack, schema, "without a token", common),
    ]
    if last:
        codes.append(
            st(stack, schema, "the last words of a token", [*common, *only, *bearer(token)])
        )
    return max(codes)


def bearer(token: str) -> list[str]:
    return ["--header", f"Authorization: Bearer {token}"]


def st(stack: Stack, schema: Path, name: str, arguments: Sequence[str]) -> int:
    sys.stdout.write(f"\n=== {name}\n")
    sys.stdout.flush()
    command: list[Any] = [
        *(Path(sys.executable).with_name("st"), "run", schema, "--url", stack.url),
        *("--checks=all", "--continue-on-failure", "--suppress-health-check=all", "--no-color"),
        "--generation-database=none",
        *arguments,
    ]
    return subprocess.run(command, cwd=stack.var, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
