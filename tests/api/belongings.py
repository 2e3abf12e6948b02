"""What the fuzzed account owns: without rows behind the ids, most calls end at a 404."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from django.utils.crypto import get_random_string

from bench.stack import Stack
from tests.emg.c3d_files import emg_file
from tests.faults.ledger import wait_until_worked

PAYLOADS = Path(__file__).parent.parent / "payloads"
BUCKET = "fuzz"
# Half of the calls take one of these ids, and deleting ends one: there must be enough.
EACH = 120
RECORDINGS = 8
TIMEOUT_S = 30
LISTS = ("memories", "action-items", "conversations", "endpoints", "tokens", "emg/sessions")
CHANNELS = ["CH1 Raw", "CH2 Raw"]
EDITED = 4


class Account:
    """Speaks for one person, over HTTP."""

    def __init__(self, stack: Stack, email: str) -> None:
        made = json.loads(stack.manage("create_account", email, "--json"))
        self.email, self.token, self.password = email, made["token"], made["password"]
        self.stack = stack

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        url = httpx.URL(self.stack.url).join(path)
        answer = httpx.request(method, url, json=body, headers=headers, timeout=TIMEOUT_S)
        return answer.raise_for_status().json()

    def all_of(self, path: str) -> Iterator[Any]:
        page = self.call("GET", f"/{path}?page_size=100")
        yield from page["results"]
        while page.get("next"):
            page = self.call("GET", page["next"])
            yield from page["results"]


def fill(account: Account) -> dict[str, list[str]]:
    """Gives the account some of everything; returns what a call can name of it, by kind."""
    heard_by = _hear(account)
    recorded_by = _record(account)
    for number in range(EACH):
        account.call("POST", "/memories", {"text": f"The {number}th thing to keep in mind."})
        account.call("POST", "/tokens", {"name": f"script {number}", "scopes": ["read"]})
        account.call("POST", "/endpoints", {"provider": "omi", "name": f"wearable {number}"})
    edited = account.call("POST", "/memories", {"text": "Once."})["id"]
    for number in range(EDITED):
        account.call("PATCH", f"/memories/{edited}", {"text": f"Edited {number} times."})
    revisions = account.call("GET", f"/memories/{edited}/history")["results"]
    wait_until_worked(account.stack, within_s=120)
    found = {
        name: [str(item["id"]) for item in account.all_of(name) if not item.get("current")]
        for name in LISTS
    }
    heard = account.stack.sql("SELECT id FROM conversations_omisession LIMIT %s", [EACH])
    found |= {
        "memories": [pk for pk in found["memories"] if pk != edited],
        "edited": [edited],
        "revisions": [revision["id"] for revision in revisions],
        "transcripts": [str(pk) for (pk,) in heard],
        "channels": CHANNELS,
        "wearable": [heard_by],
        "bucket": [recorded_by],
        "email": [account.email],
        "password": [account.password],
    }
    missing = [name for name, some in found.items() if not some]
    assert not missing, f"Nothing to call {', '.join(missing)} with."
    return found


def _hear(account: Account) -> str:
    """The token of the wearable that spoke."""
    made = json.loads(
        account.stack.manage("create_endpoint", "omi", "--owner", account.email, "--json")
    )
    memory = json.loads((PAYLOADS / "omi/memory_created__full.json").read_text())
    speech = json.loads((PAYLOADS / "omi/realtime_transcript__newest_fields.json").read_text())
    for number in range(EACH):
        told = {**memory, "id": str(uuid4())}
        told["structured"] = {**told["structured"], "title": f"Plan {number}"}
        _post(account, f"/webhooks/omi/{made['token']}/?uid=fuzz", told)
        _post(account, f"/webhooks/omi/{made['token']}/?uid=fuzz-{number}", speech)
    return str(made["token"])


def _record(account: Account) -> str:
    """The token of the bucket that told of recordings."""
    made = json.loads(
        account.stack.manage("create_endpoint", "storage", "--owner", account.email, "--json")
    )
    root = account.stack.var / "media" / BUCKET
    root.mkdir(parents=True)
    for number in range(RECORDINGS):
        name = f"{get_random_string(8)}.c3d"
        (root / name).write_bytes(emg_file(seed=number, seconds=4).encoded())
        told = {"bucket": BUCKET, "object_path": name}
        _post(account, f"/webhooks/storage/{made['token']}/", told)
    return str(made["token"])


def _post(account: Account, path: str, body: Any) -> None:
    httpx.post(account.stack.url + path, json=body, timeout=TIMEOUT_S).raise_for_status()
