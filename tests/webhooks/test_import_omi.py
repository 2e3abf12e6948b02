"""History from before the webhook: by Omi's developer API or from a file, as often as one likes."""

import json
import os
import subprocess
import sys
import time
import tracemalloc
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from conversations.models import OmiSession, TranscriptSegment
from memories.models import Memory
from memories.saving.writing import forget
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.sender import Sender
from tests.webhooks.omi_api import KEY, OmiApi, conversations, serving
from webhooks.models import Delivery, Endpoint
from webhooks.providers.omi import history

EMAIL = "nadia@example.org"


@pytest.fixture
def key(tmp_path: Path) -> str:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    return str(path)


@pytest.fixture(autouse=True)
def waited_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(history.from_api, "__kwdefaults__", {"sleep": waits.append})
    monkeypatch.setattr(history, "PAGE", 5)
    return waits


def run(*arguments: str) -> tuple[str, str, str]:
    """What it says, what it complains of, and why it failed."""
    out, err, why = StringIO(), StringIO(), ""
    try:
        call_command("import_omi", "--owner", EMAIL, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        why = str(error)
    return out.getvalue().strip(), err.getvalue(), why


def from_api(api: OmiApi, key: str, settings: Settings, *more: str) -> tuple[str, str, str]:
    settings.OMI_API_URL = api.url
    return run("--key-file", key, *more)


def from_file(tmp_path: Path, text: str) -> tuple[str, str, str]:
    path = tmp_path / "export.json"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return run(str(path))


def snapshot() -> list[Any]:
    return [
        sorted(Memory.objects.values_list("pk", "title", "updated_at")),
        sorted(Delivery.objects.values_list("pk", "state", "attempts", "finished_at")),
        sorted(TranscriptSegment.objects.values_list("key", "text")),
    ]


def test_it_brings_in_all_pages_and_counts_them(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(12)) as api:
        assert from_api(api, key, settings) == ("12 imported", "", "")
    assert api.asked == [0, 5, 10, 15, 20]
    assert Memory.objects.filter(owner=owner).count() == 12
    words = TranscriptSegment.objects.get(key="segment-11")
    assert words.text == "These are the words of talk 11."
    row = Delivery.objects.get(pk=str(Memory.objects.get(title="Talk 11").delivery_id))
    assert (row.event, row.state, row.dedup_key) == (
        "memory_created",
        State.DONE,
        "conversation:conversation-11",
    )
    assert json.loads(row.raw())["id"] == "conversation-11"


def test_it_changes_nothing_the_second_time(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(7)) as api:
        from_api(api, key, settings)
        before = snapshot()
        assert from_api(api, key, settings) == ("7 already here", "", "")
    assert snapshot() == before
    assert Endpoint.objects.count() == 1


def test_it_lets_nobody_post_to_its_endpoint(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(1)) as api:
        from_api(api, key, settings)
    endpoint = Endpoint.objects.get()
    assert (endpoint.owner, endpoint.enabled, endpoint.shared) == (owner, False, False)


def test_it_keeps_deleted_what_was_deleted(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(3)) as api:
        from_api(api, key, settings)
        forget(Memory.objects.filter(title="Talk 1"))
        Delivery.objects.all().delete()
        assert from_api(api, key, settings) == ("2 already here, 1 deleted before", "", "")
    assert Memory.objects.count() == 2
    assert not Delivery.objects.exists()


def test_it_leaves_alone_what_the_webhook_told(omi: Sender, key: str, settings: Settings) -> None:
    told = payload("omi/memory_created__full")
    omi.post(told)
    work("inbox")
    before = snapshot()
    stale = {**conversations(1)[0], "id": told["id"]}
    with serving([stale]) as api:
        assert from_api(api, key, settings)[0] == "1 already here"
    assert snapshot() == before


def test_it_tells_them_as_the_wearable_that_is_known(
    omi: Sender, key: str, settings: Settings
) -> None:
    omi.post(payload("omi/realtime_transcript__asked"))
    work("inbox")
    with serving(conversations(1)) as api:
        from_api(api, key, settings)
    uids = OmiSession.objects.values_list("uid", flat=True)
    assert list(uids) == [omi.uid] * 2


def test_it_waits_as_long_as_omi_asks(
    owner: Any, key: str, settings: Settings, waited_s: list[float]
) -> None:
    with serving(conversations(7)) as api:
        api.troubles[5] = [(429, {"Retry-After": "7"}), (429, {}), (503, {})]
        assert from_api(api, key, settings)[0] == "7 imported"
    assert waited_s == [7.0, 60.0, 4.0]


def test_it_stops_where_the_day_is_used_up_and_goes_on(
    owner: Any, key: str, settings: Settings
) -> None:
    with serving(conversations(7)) as api:
        api.troubles[5] = [(429, {"Retry-After": "40000"})]
        out, _, why = from_api(api, key, settings)
        assert out == "5 imported"
        assert "40000 s" in why
        assert from_api(api, key, settings)[0] == "2 imported, 5 already here"


def test_it_names_a_page_that_fails_and_passes_it(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(12)) as api:
        api.troubles[5] = [(500, {})] * 4
        out, err, why = from_api(api, key, settings)
        assert out == "7 imported, 1 failed"
        assert err == "offset 5 to 9: Omi's API answered 500\n"
        assert "run it again" in why
        assert from_api(api, key, settings) == ("5 imported, 7 already here", "", "")


def test_it_gives_up_when_every_page_fails(owner: Any, key: str, settings: Settings) -> None:
    with serving(conversations(1)) as api:
        api.troubles = {offset: [(500, {})] * 4 for offset in (0, 5, 10, 15)}
        _, _, why = from_api(api, key, settings)
    assert why.startswith("offset 10: Omi's API goes on failing.")
    assert 15 not in api.asked


def test_it_says_that_the_key_is_wrong_and_never_which(
    owner: Any, tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "wrong"
    path.write_text("omi_dev_wrong")
    with serving([]) as api:
        said = from_api(api, str(path), settings)
    assert "Check the key" in said[2]
    assert "omi_dev_wrong" not in "".join(said)


@pytest.mark.parametrize("form", ["list", "lines", "pretty", "wrapped"])
def test_it_reads_each_form_of_a_file(owner: Any, tmp_path: Path, form: str) -> None:
    rows = conversations(7)
    text = {
        "list": json.dumps(rows),
        "lines": "\n".join(json.dumps(row) for row in rows) + "\n",
        "pretty": "\ufeff" + json.dumps(rows, indent=2, ensure_ascii=False),
        "wrapped": json.dumps({"exported_at": "2026-11-01", "conversations": rows, "more": [1]}),
    }[form]
    assert from_file(tmp_path, text) == ("7 imported", "", "")
    assert Memory.objects.count() == 7


def test_it_stores_a_conversation_as_its_bytes_stand_in_the_file(
    owner: Any, tmp_path: Path
) -> None:
    text = json.dumps(conversations(1)[0], indent=1, ensure_ascii=False)
    from_file(tmp_path, f"[{text}]")
    assert Delivery.objects.get().raw() == text.encode()


def test_it_names_the_line_of_each_trouble(owner: Any, tmp_path: Path) -> None:
    good, other = map(json.dumps, conversations(2))
    bad = ['{"structured": {}}', "7", '{"id": "x"}', '{"id": "y", "structured": {"title": NaN}}']
    bad.append('{"id": "z", "structured": {"title": "\\ud800"}}')
    out, err, why = from_file(tmp_path, "\n".join([good, *bad, other]))
    assert out == "2 imported, 5 failed"
    lines = [line.partition(":")[0] for line in err.splitlines()]
    assert sorted(lines) == ["line 2", "line 3", "line 4", "line 5", "line 6"]
    assert why


def test_it_takes_what_stands_before_a_fault_of_the_file(owner: Any, tmp_path: Path) -> None:
    rows = json.dumps(conversations(3), indent=1)
    out, _, why = from_file(tmp_path, rows[: rows.rindex("segment-2")])
    assert out == "2 imported"
    assert why.startswith("line ")
    assert "not valid JSON" in why


def test_it_passes_a_broken_line_and_names_it(owner: Any, tmp_path: Path) -> None:
    first, second = map(json.dumps, conversations(2))
    out, err, _ = from_file(tmp_path, f'{first}\n{{"id": "x", oops}}\noops\n{second}')
    assert out == "2 imported, 2 failed"
    assert err == "line 2: not valid JSON\nline 3: not valid JSON\n"


def test_it_reads_a_large_file_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    row = json.dumps({"id": "x", "text": "{“words”} " * 50 + "words " * 15_000}, ensure_ascii=False)
    path.write_text(f"[{', '.join([row] * 100)}]")
    tracemalloc.start()
    with path.open("rb") as file:
        assert sum(len(found) for found in history.from_file(file)) == 100
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2_000_000 < path.stat().st_size / 4


def test_it_names_the_byte_that_is_no_text(owner: Any, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_bytes(b'[{"id": "\xff"}]')
    assert "byte 9" in run(str(path))[2]


def test_it_sets_aside_what_it_cannot_work_and_says_where(owner: Any, tmp_path: Path) -> None:
    rows = conversations(2)
    rows[0]["transcript_segments"] = [7]
    out, err, _ = from_file(tmp_path, json.dumps(rows))
    assert out == "1 imported, 1 failed"
    assert err.startswith("line 1: transcript_segments.0")
    assert str(Delivery.objects.get(state=State.DEAD).pk) in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name either"),
        (("a", "--key-file", "b"), "Name either"),
        (("/no/such/file",), "No such file"),
    ],
)
def test_it_says_what_it_needs(owner: Any, arguments: tuple[str, ...], says: str) -> None:
    assert says in run(*arguments)[2]


def test_it_knows_only_accounts_that_are_there(db: None) -> None:
    assert run("file")[2] == f"There is no account {EMAIL}."


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_it_was_killed(
    owner: Any, key: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 100)
    with serving(conversations(230)) as api:
        api.troubles[200] = [(0, {})]
        process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "import_omi", "--owner", EMAIL),
                *("--key-file", key),
            ],
            env={**os.environ, "DATABASE_URL": database_of_the_tests(), "OMI_API_URL": api.url},
            cwd=django_settings.BASE_DIR,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while 200 not in api.asked and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.wait()
        assert Memory.objects.count() == 200
        assert from_api(api, key, settings) == ("30 imported, 200 already here", "", "")
    assert Memory.objects.count() == 230
    assert not Delivery.objects.exclude(state=State.DONE).exists()


def database_of_the_tests() -> str:
    """Of this run, where the environment names the one that it was made beside."""
    before, _, after = os.environ["DATABASE_URL"].partition("?")
    name = connection.settings_dict["NAME"]
    return f"{before.rpartition('/')[0]}/{name}" + (f"?{after}" if after else "")
