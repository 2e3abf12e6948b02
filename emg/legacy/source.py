"""The old database, which is only ever read: a row at a time, for one may be as large as 45 MB."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2
from psycopg2 import extensions, sql

IDS_AT_ONCE = 200
FILES = "c3d_metadata"
# What is read of a row where its table has it; the second name is the old one's.
OWN = ("file_hash", "created_at")
OF_FILE = (
    *("file_path", "bucket_name", "file_size_bytes", "patient_id", "session_id", "session_date"),
    *("sampling_rate",),
)
CONNECT_S = 10


class NoSource(Exception):
    """The old database cannot be read, and why."""


@dataclass(frozen=True)
class OldRow:
    """`signals` is JSON, as text or in bytes, as it lies there. What is not known is None."""

    id: str
    signals: str | bytes | None
    stored_bytes: int
    file_hash: str | None = None
    file_path: str | None = None
    bucket_name: str | None = None
    file_size_bytes: int | None = None
    patient_id: str | None = None
    session_id: str | None = None
    session_date: datetime | None = None
    created_at: datetime | None = None
    sampling_rate: float | None = None


class LegacyDatabase:
    def __init__(self, dsn: str, table: str) -> None:
        """Raises NoSource, whose words never hold the DSN: it has a password in it."""
        self._connection = _connect(dsn)
        self._table = sql.Identifier(*table.split("."))
        self._read_columns(table)

    def close(self) -> None:
        self._connection.close()

    def _read_columns(self, table: str) -> None:
        columns = self._columns(self._table)
        missing = {"id", "emg_signals"} - set(columns)
        if missing:
            raise NoSource(f"The table {table} has no {' and no '.join(sorted(missing))}.")
        files = sql.Identifier(*table.split(".")[:-1], FILES)
        of_file = set(self._columns(files)) if "c3d_metadata_id" in columns else set()
        self._files = files if of_file else None
        chosen = [("old", name) for name in OWN if name in columns]
        chosen += [("file", name) for name in OF_FILE if name in of_file]
        chosen += [("old", name) for name in OF_FILE if name in columns and name not in of_file]
        self._chosen = chosen
        # JSON comes as text, not parsed by the driver: it is parsed once, by who knows how.
        blob = sql.SQL("old.emg_signals")
        self._blob = blob if columns["emg_signals"] == "bytea" else blob + sql.SQL("::text")

    def _columns(self, table: sql.Identifier) -> dict[str, str]:
        found = self._ask(
            sql.SQL(
                "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                "WHERE attrelid = to_regclass({}) AND attnum > 0 AND NOT attisdropped"
            ).format(sql.Literal(table.as_string(self._connection)))
        )
        return {str(name): str(kind) for name, kind in found}

    def count(self) -> int:
        (found,) = self._ask(
            sql.SQL("SELECT count(*) FROM {} WHERE emg_signals IS NOT NULL").format(self._table)
        )
        return int(found[0])

    def ids(self) -> Iterator[list[str]]:
        """Of all rows that hold signals, some at a time."""
        last: Any = None
        query = sql.SQL(
            "SELECT old.id, old.id::text FROM {} old WHERE emg_signals IS NOT NULL {} "
            "ORDER BY old.id LIMIT {}"
        )
        while True:
            beyond = (
                sql.SQL("") if last is None else sql.SQL("AND old.id > {}").format(_value(last))
            )
            page = self._ask(query.format(self._table, beyond, sql.Literal(IDS_AT_ONCE)))
            if not page:
                return
            yield [str(row[1]) for row in page]
            last = page[-1][0]

    def row(self, pk: str) -> OldRow:
        names = [sql.SQL("{}.{}").format(sql.SQL(at), sql.Identifier(n)) for at, n in self._chosen]
        join = (
            sql.SQL("LEFT JOIN {} file ON file.id = old.c3d_metadata_id").format(self._files)
            if self._files
            else sql.SQL("")
        )
        query = sql.SQL("SELECT {} FROM {} old {} WHERE old.id = {}").format(
            sql.SQL(", ").join([self._blob, sql.SQL("pg_column_size(old.emg_signals)"), *names]),
            self._table,
            join,
            sql.Literal(pk),
        )
        found = self._ask(query)
        if not found:
            return OldRow(pk, None, 0)
        blob, stored_bytes, *values = found[0]
        told = {name: value for (_, name), value in zip(self._chosen, values, strict=True)}
        return OldRow(
            pk,
            bytes(blob) if isinstance(blob, memoryview) else blob,
            stored_bytes or 0,
            **{name: _in_utc(value) for name, value in told.items()},
        )

    def _ask(self, query: sql.Composable) -> Sequence[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query)
                return list(cursor.fetchall())
        except psycopg2.Error as error:
            words = error.diag.message_primary or type(error).__name__
            raise NoSource(f"The old database says: {words}.") from error


def _connect(dsn: str) -> extensions.connection:
    try:
        made = psycopg2.connect(dsn, connect_timeout=CONNECT_S)
    except psycopg2.ProgrammingError:
        raise NoSource("That is no address such as postgresql://user:password@host/name.") from None
    except psycopg2.OperationalError as error:
        raise NoSource(f"The old database does not answer: {str(error).strip()}") from None
    made.set_session(readonly=True, autocommit=True)
    return made


def _value(last: Any) -> sql.Composable:
    return sql.Literal(last if isinstance(last, int) else str(last))


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value
