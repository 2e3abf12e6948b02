"""Memories to take away."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.export import markdown
from memories.models import Memory
from memories.saving.incoming import IncomingActionItem
from memories.saving.merging import merge
from memories.saving.writing import edit
from tests.memories.told import AT, HOUR, tell, told

pytestmark = pytest.mark.django_db


def taken(me: Any, query: str) -> bytes:
    answer = me.get(f"/memories/export?{query}")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    return b"".join(answer.streaming_content)


def notes(me: Any, query: str = "") -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(taken(me, f"format=md&{query}"))) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name).decode() for name in zipped.namelist()}


def front(note: str) -> dict[str, Any]:
    return dict(yaml.safe_load(note.split("---\n")[1]))


def many(owner: Any, number: int) -> None:
    Memory.objects.bulk_create(
        Memory(owner=owner, kind="note", text=f"Text {i}", occurred_at=AT, content_hash=str(i))
        for i in range(number)
    )


def test_it_gives_json_as_the_api_shows_it(me: Any, owner: Any) -> None:
    tell(owner)
    tell(owner, source_id="b", text="Other", occurred_at=AT + HOUR)
    listed = me.get("/memories").json()["results"]
    assert json.loads(taken(me, "")) == json.loads(taken(me, "format=json")) == listed


def test_it_gives_all_of_many(me: Any, owner: Any) -> None:
    many(owner, 1203)
    texts = {memory["text"] for memory in json.loads(taken(me, "format=json"))}
    assert texts == {f"Text {i}" for i in range(1203)}
    assert len(notes(me)) == 1203


def test_it_gives_an_empty_list_of_nothing(me: Any) -> None:
    assert json.loads(taken(me, "format=json")) == []
    assert taken(me, "format=csv").count(b"\r\n") == 1
    assert notes(me) == {}


def test_it_gives_only_what_is_asked_for(me: Any, owner: Any) -> None:
    tell(owner)
    tell(owner, source_id="b", text="Other", title="Other")
    assert [memory["title"] for memory in json.loads(taken(me, "q=other"))] == ["Other"]
    assert me.get("/memories/export?format=xml").status_code == 400
    assert me.get("/memories/export?pinned=maybe").status_code == 400


def test_it_gives_whatever_the_caller_accepts(me: Any) -> None:
    answer = me.get("/memories/export?format=csv", headers={"accept": "text/csv"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_it_gives_a_spreadsheet_nothing_to_run(me: Any, owner: Any, text: str) -> None:
    items = (IncomingActionItem("=2+2", due_at=AT),)
    tell(owner, title=text, text=f'{text} "quoted",\nand more', action_items=items)
    [row] = csv.DictReader(io.StringIO(taken(me, "format=csv").decode("utf-8-sig"), newline=""))
    assert (row["title"], row["text"]) == (f"'{text}", f'\'{text} "quoted",\nand more')
    assert row["action_items"] == "[ ] =2+2 (due 2026-11-20T14:05:00Z)"


def test_it_writes_a_note_that_other_programs_read(me: Any, owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"pinned": True, "title": "Deposit: “50 %” --- #1\n# no heading"})
    [(name, note)] = notes(me).items()
    assert name == f"2026/11/2026-11-20 Deposit “50 ” --- 1 no heading {memory.pk.hex[-12:]}.md"
    found = front(note)
    assert (found["id"], found["category"], found["pinned"]) == (str(memory.pk), "family", True)
    assert found["title"] == "Deposit: “50 %” --- #1\n# no heading"
    assert "# 💒 Deposit: “50 %” --- #1 # no heading\n" in note
    assert "- [ ] Pay the venue deposit (due 2026-11-22)\n" in note
    assert "- 2026-11-24 14:05 Venue visit (60 min)\n" in note


@pytest.mark.parametrize(
    "title", ["../../etc/passwd", "a\\b|c<d>e?f*g", "[[x]]", "…", "é" * 400, "\u202e‮evil", ". .."]
)
def test_it_names_every_note_safely(me: Any, owner: Any, title: str) -> None:
    tell(owner, title=title)
    [name] = notes(me)
    assert name.count("/") == 2
    last = name.rpartition("/")[2]
    assert not set(last) & set('\\:*?"<>|#^[]%\u202e')
    assert last.startswith("2026-11-20 ")
    assert len(last.encode()) < 255


def test_it_links_similar_notes_and_names_merged_ones(
    me: Any, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, merged = told(owner), told(owner, source_id="m", text="Merged.")
    alike = told(owner, source_id="b", text="Alike", title="Alike")
    merge(owner_id=owner.pk, kept_id=kept.pk, other_id=merged.pk)
    monkeypatch.setattr(markdown, "similar_ids", lambda m: [alike.pk] if m.pk == kept.pk else [])
    found = {name.rpartition("/")[2].removesuffix(".md"): note for name, note in notes(me).items()}
    [of_kept] = [note for note in found.values() if front(note)["id"] == str(kept.pk)]
    [target] = [name for name in found if "Alike" in name]
    assert f"- [[{target}]]" in of_kept
    assert front(of_kept)["merged"] == [str(merged.pk)]


def test_it_dates_notes_before_zip_files_could(me: Any, owner: Any) -> None:
    tell(owner)
    Memory.objects.update(updated_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert len(notes(me)) == 1


@pytest.mark.parametrize("kind", ["json", "csv", "md"])
def test_it_reads_a_part_at_a_time(me: Any, owner: Any, kind: str) -> None:
    many(owner, 1000)
    with CaptureQueriesContext(connection) as captured:
        stream = me.get(f"/memories/export?format={kind}").streaming_content
        for _ in range(2):
            assert next(stream)
        reads = [query["sql"] for query in captured if 'FROM "memories_memory"' in query["sql"]]
        assert len(reads) < 5
        assert all("LIMIT 200" in read for read in reads)
