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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.stack import Stack
from tests.api.belongings import Account, fill

# After these a token is worth nothing: each has a run and an account of its own.
LAST_WORDS = ["/auth/logout", "/auth/logout-all", "/account"]
# The throttle counts in the cache and lets everything pass without one.
SETTINGS = {
    "CACHE_URL": "redis://127.0.0.1:1/0",
    "LOG_LEVEL": "ERROR",
    # Who waits for a recording that never comes, waits this long.
    "REQUEST_TIMEOUT": "1000",
    "OMI_REPLY_BUDGET_MS": "500",
}
# How often a call names something that is there.
OFTEN = 0.6
# Which parameter names what, for a path and those below it; the last one that fits counts.
KNOWN = [
    ("/memories/{id}", "path.id", "memories"),
    ("/memories/{id}/merge", "body.other", "memories"),
    ("/memories/{id}/revert", "path.id", "edited"),
    ("/memories/{id}/revert", "body.revision", "revisions"),
    ("/action-items/{id}", "path.id", "action-items"),
    ("/conversations/{id}", "path.id", "conversations"),
    ("/context/windows", "body.conversation_id", "conversations"),
    ("/transcript/{session_id}", "path.session_id", "transcripts"),
    ("/endpoints/{id}", "path.id", "endpoints"),
    ("/tokens/{id}", "path.id", "tokens"),
    ("/emg/sessions/{session_id}", "path.session_id", "emg/sessions"),
    ("/signals/{session_id}", "path.session_id", "emg/sessions"),
    ("/signals/{session_id}", "path.channel", "channels"),
    ("/webhooks/storage/status/{session_id}", "path.session_id", "emg/sessions"),
    ("/webhooks/{provider}/{token}", "path.provider", "omi"),
    ("/webhooks/{provider}/{token}", "path.token", "wearable"),
    ("/auth/login", "body.email", "email"),
    ("/auth/login", "body.password", "password"),
    ("/account", "body.password", "password"),
]
# Which address a sender uses with its own token.
OF_SENDERS = {
    "/omi-webhook": "wearable",
    "/storage/c3d-upload": "bucket",
    "/storage/c3d-upload-optimized": "bucket",
}
# What these take, no schema tells: bodies are the sender's to describe, and what is none of the
# known ones is refused; whether two names may be two sides depends on both.
BEYOND_SCHEMA = (
    "/webhooks/{provider}/{token}",
    "/emg/sessions/{session_id}/rescore",
    *OF_SENDERS,
)
ALSO_REFUSED = ["2xx", "400", "401", "404", "409", "413", "415", "429", "503"]


@dataclass(frozen=True)
class Fuzz:
    stack: Stack
    schema: Path
    config: Path
    common: Sequence[str]

    def run(self, name: str, config: str, *arguments: str) -> int:
        """The exit code: 0 when nothing was found."""
        self.config.write_text(config)
        sys.stdout.write(f"\n=== {name}\n")
        sys.stdout.flush()
        command: list[Any] = [
            *(Path(sys.executable).with_name("st"), "--config-file", self.config),
            *("run", self.schema, "--url", self.stack.url),
            *("--checks=all", "--continue-on-failure", "--suppress-health-check=all", "--no-color"),
            "--generation-database=none",
            *self.common,
            *arguments,
        ]
        return subprocess.run(command, cwd=self.stack.var, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description="Tries the REST API with good and bad data.")
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", type=int, default=None)
    options, more = parser.parse_known_args()
    common = [f"--max-examples={options.examples}", *more]
    if options.seed is not None:
        common.append(f"--seed={options.seed}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Stack(inbox=1, ai=1, emg=1, maintenance=1, settings=SETTINGS) as stack:
        return run(stack, common)


def run(stack: Stack, common: Sequence[str]) -> int:
    person = Account(stack, "fuzz@example.org")
    schema = stack.var / "schema.json"
    stack.manage("spectacular", "--format", "openapi-json", "--file", str(schema))
    paths = json.loads(schema.read_text())["paths"]
    found = {**fill(person), "omi": ["omi"]}
    fuzz = Fuzz(stack, schema, stack.var / "schemathesis.toml", common)
    without = [f"--exclude-path={path}" for path in LAST_WORDS]
    codes = [
        fuzz.run("with a token", settings(paths, found, person.token), *without),
        fuzz.run("without a token", settings(paths, found)),
    ]
    for number, path in enumerate(LAST_WORDS):
        leaving = Account(stack, f"leaving{number}@example.org")
        found["password"] = [leaving.password]
        own = settings(paths, found, leaving.token)
        codes.append(fuzz.run(path, own, f"--include-path={path}"))
    return max(codes)


def settings(
    paths: Iterable[str], found: Mapping[str, Sequence[str]], token: str | None = None
) -> str:
    """Schemathesis' own (TOML). A client that signs up by itself would not be "without a token"."""
    lines = [bearer(token), "[auth]", "auto-signup = false"]
    for name, values in found.items():
        lines += [f"[dictionaries.{name.replace('/', '-')}]", f"values = {list(values)}"]
    for path in paths:
        known = {place: name for below, place, name in KNOWN if path.startswith(below)}
        parameters = [
            f"'{place}' = {{ dictionary = '{name.replace('/', '-')}', probability = {OFTEN} }}"
            for place, name in known.items()
        ]
        told = [f"parameters = {{ {', '.join(parameters)} }}"] if parameters else []
        if path in BEYOND_SCHEMA:
            told.append(f"checks.positive_data_acceptance.expected-statuses = {ALSO_REFUSED}")
        if token and path in OF_SENDERS:
            told.append(bearer(found[OF_SENDERS[path]][0]))
        lines += ["[[operations]]", f"include-path = '{path}'", *told] if told else []
    return "\n".join(lines)


def bearer(token: str | None) -> str:
    return f"headers = {{ Authorization = 'Bearer {token}' }}" if token else ""


if __name__ == "__main__":
    sys.exit(main())
