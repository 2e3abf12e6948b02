"""An old analysis_results table in a database of its own, brought over."""

import json
import zlib
from collections.abc import Iterator
from io import StringIO
from typing import Any

import numpy as np
import orjson
import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg2.extensions import make_dsn

from emg.analytics import as_json
from emg.analytics.channel import analyse_channel
from emg.analytics.parameters import VERSION
from emg.legacy import blobs
from emg.legacy.source import LegacyDatabase, NoSource
from emg.models import Recording
from omibackend.core.work.leased import State
from tests.emg.c3d_files import RATE_HZ, emg_file

NAME = "old_emg"
SHA256 = "ab" * 32
TABLES = """
CREATE TABLE c3d_metadata (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), file_path text NOT NULL UNIQUE,
    file_hash text NOT NULL, file_size_bytes bigint NOT NULL, patient_id text, session_id text,
    session_date timestamp, sampling_rate float, bucket_name text DEFAULT 'c3d-files');
CREATE TABLE analysis_results (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    c3d_metadata_id uuid NOT NULL REFERENCES c3d_metadata(id),
    file_hash text NOT NULL, processing_version text NOT NULL, analytics_data jsonb NOT NULL,
    emg_signals jsonb, created_at timestamptz DEFAULT now());
"""


class Old:
    """The old database as its system wrote it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True

    def run(self, query: str, *values: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall()) if cursor.description else []

    def keep(self, number: int, signals: Any, *, sha256: str = SHA256) -> str:
        path = f"P039/P039S{number:03}/Ghostly_Emg_20230321_17-23-{number:02}-0409.c3d"
        ((file,),) = self.run(
            "INSERT INTO c3d_metadata (file_path, file_hash, file_size_bytes, session_date,"
            " sampling_rate) VALUES (%s, %s, 1229632, '2023-03-21 17:23:09', %s) RETURNING id",
            *(path, sha256, RATE_HZ),
        )
        ((row,),) = self.run(
            "INSERT INTO analysis_results (c3d_metadata_id, file_hash, processing_version,"
            " analytics_data, emg_signals) VALUES (%s, %s, '1.0', '{}', %s) RETURNING id::text",
            *(file, sha256, None if signals is None else orjson.dumps(signals).decode()),
        )
        return str(row)


@pytest.fixture
def old(db: None) -> Iterator[Old]:
    given = connection.get_connection_params()
    here = {
        name: given[name]
        for name in ("dbname", "user", "password", "host", "port")
        if given.get(name)
    }
    server = psycopg2.connect(**here)
    server.autocommit = True
    server.cursor().execute(f"DROP DATABASE IF EXISTS {NAME}")
    server.cursor().execute(f"CREATE DATABASE {NAME}")
    made = Old(make_dsn(**{**here, "dbname": NAME}))
    made.run(TABLES)
    yield made
    made.connection.close()
    server.cursor().execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    server.close()


def signals(**more: Any) -> dict[str, Any]:
    """Two channels, each with all that the old system wrote beside the samples."""
    found = {}
    for name, samples in zip(("CH1 Raw", "CH2 Raw"), emg_file().stored, strict=True):
        data = samples.astype(float).tolist()
        times = (np.arange(len(data)) / RATE_HZ).tolist()
        found[name] = {"data": data, "time_axis": times, "rms_envelope": data, **more}
    return found


def run(old: Old, owner: Any, *arguments: str) -> str:
    out = StringIO()
    call_command("import_legacy_emg", old.dsn, *arguments, owner=owner.email, stdout=out)
    return out.getvalue()


def test_it_keeps_analytics_and_no_sample(old: Old, owner: Any) -> None:
    pk = old.keep(3, signals())
    said = run(old, owner)
    (made,) = Recording.objects.all()
    samples = emg_file().stored[0].astype(float)
    expected = as_json(analyse_channel(samples, RATE_HZ, "V"))
    assert (made.analytics or {})["CH1 Raw"] == json.loads(json.dumps(expected))
    assert (made.state, made.processing_version) == (State.DONE, VERSION)
    assert (made.bucket, made.session_code, made.patient_code) == ("c3d-files", "P039S003", "P039")
    assert made.recorded_at.isoformat() == "2023-03-21T17:23:09+00:00"
    assert (made.sha256, made.object_version) == (SHA256, f"analysis_results:{pk}")
    assert (made.metadata or {})["duration_seconds"] == 12
    assert (made.scores or {})["sides"] == {"left": "CH1 Raw", "right": "CH2 Raw"}
    assert "1 imported, 0 already here, 0 failed." in said
    ((old_bytes,),) = old.run("SELECT pg_column_size(emg_signals) FROM analysis_results")
    assert old_bytes > 100_000
    assert "% saved" in said
    assert f"{old_bytes / 1000:.0f} kB of signals" in said


def test_it_goes_on_where_it_was(old: Old, owner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(1, 5):
        old.keep(number, signals())
    read = LegacyDatabase.row
    seen: list[str] = []

    def breaks(self: LegacyDatabase, pk: str) -> Any:
        seen.append(pk)
        if len(seen) == 3:
            raise NoSource("The old database says: gone.")
        return read(self, pk)

    monkeypatch.setattr(LegacyDatabase, "row", breaks)
    with pytest.raises(CommandError, match="goes on from here"):
        run(old, owner)
    assert Recording.objects.count() == 2
    assert "2 imported, 2 already here, 0 failed." in run(old, owner)
    assert len(seen) == 3 + 2
    assert "0 imported, 4 already here, 0 failed." in run(old, owner)
    assert Recording.objects.count() == 4


def test_it_reads_page_by_page_and_never_all_at_once(
    old: Old, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emg.legacy.source.IDS_AT_ONCE", 2)
    asked: list[str] = []
    ask = LegacyDatabase._ask

    def remembers(self: LegacyDatabase, query: Any) -> Any:
        rows = ask(self, query)
        asked.append(f"{query.as_string(self._connection)} -> {len(rows)}")
        return rows

    monkeypatch.setattr(LegacyDatabase, "_ask", remembers)
    for number in range(1, 6):
        old.keep(number, signals())
    assert "5 imported" in run(old, owner)
    blobs_read = [each for each in asked if each.startswith("SELECT old.emg_signals")]
    assert [each.rpartition(" ")[2] for each in blobs_read] == ["1"] * 5
    assert sum("ORDER BY old.id LIMIT 2" in each for each in asked) == 4


def test_it_names_what_it_cannot_import_and_takes_the_rest(
    old: Old, owner: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    good = signals()
    bad = {
        "no channel": {},
        "sampled": {"CH1": [0.1, 0.2]},
        "not all": {"CH1": {"data": ["a"], "sampling_rate": 1000}},
        "no list": {"CH1": {"data": None, "sampling_rate": 1000}},
        "too low": {"CH1": {"data": [0.1] * 9, "sampling_rate": 5}},
        "no raw": {"CH1 activated": {"data": [0.1] * 9, "sampling_rate": 1000}},
        "no voltages": {"CH1": {"data": [1e30, -1e30] * 3000, "sampling_rate": 1000}},
    }
    rows = {old.keep(number, blob): words for number, (words, blob) in enumerate(bad.items(), 1)}
    old.run("UPDATE c3d_metadata SET sampling_rate = NULL")
    old.keep(50, good)
    old.keep(51, None)
    errors = StringIO()
    with pytest.raises(CommandError, match="Some were not imported"):
        call_command("import_legacy_emg", old.dsn, owner=owner.email, stderr=errors, stdout=errors)
    for pk, words in rows.items():
        if words == "sampled":
            words = "how fast it was sampled"
        assert any(pk in line and words in line for line in errors.getvalue().splitlines()), words
    assert "1 imported, 0 already here, 7 failed." in errors.getvalue()
    assert Recording.objects.count() == 1


@pytest.mark.parametrize("kind", ["text", "json", "bytea"])
def test_it_reads_blobs_of_each_kind(old: Old, owner: Any, kind: str) -> None:
    old.keep(1, None)
    old.run(f"ALTER TABLE analysis_results ALTER emg_signals TYPE {kind} USING NULL")
    text = orjson.dumps(signals(sampling_rate=RATE_HZ))
    old.run(
        "UPDATE analysis_results SET emg_signals = %s",
        zlib.compress(text) if kind == "bytea" else text.decode(),
    )
    assert "1 imported" in run(old, owner)
    assert len((Recording.objects.get().analytics or {})["CH2 Raw"]["contractions"]) == 3


def test_it_reads_a_table_without_anything_beside(old: Old, owner: Any) -> None:
    old.run("CREATE SCHEMA older")
    old.run("CREATE TABLE older.results (id bigserial PRIMARY KEY, emg_signals jsonb)")
    for _ in range(2):
        blob = orjson.dumps(signals()).decode()
        old.run("INSERT INTO older.results (emg_signals) VALUES (%s)", blob)
    assert "2 imported" in run(old, owner, "--table", "older.results", "--unit", "uV")
    first = Recording.objects.order_by("id")[0]
    assert (first.bucket, first.object_path) == ("legacy", "analysis_results/1")
    assert (first.sha256, (first.analytics or {})["CH1 Raw"]["unit"]) == ("", "uV")
    assert (first.metadata or {})["sampling_rate"] == pytest.approx(RATE_HZ)


def test_it_takes_the_device_for_when_a_muscle_was_active(old: Old, owner: Any) -> None:
    blob = signals()
    blob["CH1 Raw"]["activated_data"] = blob["CH1 Raw"]["data"]
    blob["CH2 activated"] = blob["CH2 Raw"]
    old.keep(1, blob)
    run(old, owner)
    analytics = Recording.objects.get().analytics or {}
    assert [found["detector"] for found in analytics.values()] == ["device", "device"]


def test_it_changes_nothing_in_the_old_database(old: Old, owner: Any) -> None:
    old.keep(1, signals())
    before = old.run("SELECT *, xmin::text FROM analysis_results")
    run(old, owner)
    assert old.run("SELECT *, xmin::text FROM analysis_results") == before
    source = LegacyDatabase(old.dsn, "analysis_results")
    with pytest.raises(NoSource, match="read-only"):
        source._ask(psycopg2.sql.SQL("DELETE FROM analysis_results RETURNING id"))
    source.close()


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("mysql:secret@somewhere", "That is no address"),
        ("postgresql://eve:secret@127.0.0.1:1/none", "does not answer"),
    ],
)
def test_it_says_why_it_cannot_read_and_no_password(owner: Any, dsn: str, words: str) -> None:
    with pytest.raises(CommandError, match=words) as raised:
        call_command("import_legacy_emg", dsn, owner=owner.email, stdout=StringIO())
    assert "secret" not in str(raised.value)


def test_it_says_which_table_or_account_there_is_not(old: Old, owner: Any) -> None:
    with pytest.raises(CommandError, match="no emg_signals and no id"):
        run(old, owner, "--table", "nothing")
    with pytest.raises(CommandError, match="no account"):
        call_command("import_legacy_emg", old.dsn, owner="eve@example.org")


def test_a_missing_sample_is_missing() -> None:
    (channel,) = blobs.channels('{"CH1": {"data": [1, NaN, null, 2], "fs": 2000.5}}', None)
    assert channel.rate_hz == 2000.5
    assert np.isnan(channel.samples).tolist() == [False, True, True, False]


def test_a_blob_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "MOST_BYTES", 1000)
    with pytest.raises(blobs.BadBlob, match="larger than 1 GiB"):
        blobs.channels(zlib.compress(bytes(10_000)), 1000)
