"""The history file: sqlite in WAL mode. A transaction a recording; what was acknowledged survives a power cut.

``synchronous=FULL`` syncs the log at each commit (sqlite.org/pragma.html#pragma_synchronous); the schema's number is
in ``meta``. A file of a later version is read and written no further than this version knows it: it is refused.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from contextlib import contextmanager

from supervisor.core.frozen import Frozen
from supervisor.errors import HistoryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

SCHEMA = 1  # raised when a later version writes tables that this one cannot read
# A writer waits so long for another one, seconds: our own exit waits for it.
PATIENCE = 0.2
# What is kept, the oldest goes first: runs, and bytes of the file.
MOST_RUNS, MOST_BYTES = 20_000, 100_000_000
# How many runs go at once when the file is too big.
SLICE = 500

_TABLES = (
    "CREATE TABLE meta(schema INTEGER NOT NULL)",
    """CREATE TABLE run(
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL, fleet TEXT, worker TEXT NOT NULL,
        instance INTEGER NOT NULL, start INTEGER NOT NULL, tag TEXT, host TEXT NOT NULL, argv_redacted TEXT NOT NULL,
        outcome TEXT NOT NULL, exit INTEGER, signal INTEGER, asked_by TEXT NOT NULL, total REAL NOT NULL, notice REAL,
        drain REAL, cleanup REAL, teardown REAL, ready_after REAL, drill_id TEXT)""",
    """CREATE TABLE finding(
        run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, code TEXT NOT NULL, severity TEXT NOT NULL,
        seconds REAL, file TEXT, line INTEGER, function TEXT, chain TEXT NOT NULL)""",
    """CREATE TABLE doc(
        run INTEGER PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE, report_json_zlib BLOB NOT NULL)""",
    "CREATE INDEX run_at ON run(at)",
    "CREATE INDEX run_drill ON run(drill_id)",
    "CREATE INDEX finding_run ON finding(run)",
)
COLUMNS = (
    "at", "kind", "fleet", "worker", "instance", "start", "tag", "host", "argv_redacted", "outcome", "exit", "signal",
    "asked_by", "total", "notice", "drain", "cleanup", "teardown", "ready_after", "drill_id",
)  # fmt: skip
FINDING = ("code", "severity", "seconds", "file", "line", "function", "chain")


class Row(Frozen):
    """A run to record: its values by column, its findings likewise, and its report as plain data."""

    values: dict[str, Any]
    findings: tuple[dict[str, Any], ...]
    document: dict[str, Any]


def _storable(value: Any) -> Any:
    """Return text as SQLite takes it: U+FFFD stands for each byte of a name or an argument that was no UTF-8."""
    if not isinstance(value, str) or value.isascii():
        return value
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in value)


class Found(Frozen):
    """A recorded run: its number, its values by column, and the (code, file, line) of its findings."""

    id: int
    values: dict[str, Any]
    findings: tuple[tuple[str, str | None, int | None], ...] = ()


class Store:
    """An open history. To be closed; every method may raise HistoryError."""

    def __init__(self, path: str, *, write: bool) -> None:
        """Open the file; with ``write`` it is made if there is none, with mode 0600. Raises HistoryError."""
        self.path = path
        with self._told():
            if write:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                os.close(fd)
                self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            else:
                os.stat(path)  # sqlite says only "unable to open"
                self._db = sqlite3.connect(f"{_uri(path)}?mode=ro", timeout=PATIENCE, isolation_level=None, uri=True)
        try:
            with self._told():
                self._prepare(write)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    # ------------------------------------------------------------------ write

    def add(self, rows: Sequence[Row]) -> list[int]:
        """Record runs, all of them or none; return their numbers."""
        with self._told(), self._transaction():
            return [self._add(row) for row in rows]

    def _add(self, row: Row) -> int:
        marks = ", ".join("?" * len(COLUMNS))
        done = self._db.execute(
            f"INSERT INTO run({', '.join(COLUMNS)}) VALUES ({marks})",
            [_storable(row.values.get(column)) for column in COLUMNS],
        )
        number = done.lastrowid
        assert number is not None, "an INSERT has a row"
        self._db.executemany(
            f"INSERT INTO finding(run, {', '.join(FINDING)}) VALUES (?, {', '.join('?' * len(FINDING))})",
            [(number, *(_storable(finding.get(column)) for column in FINDING)) for finding in row.findings],
        )
        packed = zlib.compress(json.dumps(row.document, separators=(",", ":")).encode())
        self._db.execute("INSERT INTO doc VALUES (?, ?)", (number, packed))
        return number

    def prune(self, runs: int = MOST_RUNS, most_bytes: int = MOST_BYTES, before: float | None = None) -> int:
        """Forget the oldest runs above ``runs``, those before an instant (seconds since 1970), and whatever makes the
        file larger than ``most_bytes``. Return how many.
        """
        with self._told():
            old = "id IN (SELECT id FROM run ORDER BY id DESC LIMIT -1 OFFSET ?) OR at < ?"
            count = self._delete(old, (runs, -1.0 if before is None else before))
            while self._bytes() > most_bytes:
                gone = self._delete("id IN (SELECT id FROM run ORDER BY id LIMIT ?)", (SLICE,))
                if not gone:
                    break
                count += gone
            return count

    def _delete(self, condition: str, values: Sequence[Any]) -> int:
        with self._transaction():
            return self._db.execute(f"DELETE FROM run WHERE {condition}", values).rowcount

    def _bytes(self) -> int:
        """Return the bytes that are in use: what was deleted is used again."""
        pages, free, size = (
            self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    # ------------------------------------------------------------------ read

    def find(
        self, condition: str = "1", values: Sequence[Any] = (), *, most: int = -1, findings: bool = False
    ) -> list[Found]:
        """Return runs that match, the newest first; ``most`` of them at most, all when negative."""
        with self._told():
            rows = self._db.execute(
                f"SELECT id, {', '.join(COLUMNS)} FROM run WHERE {condition} ORDER BY id DESC LIMIT ?",
                [*map(_storable, values), most],
            ).fetchall()
            found = [Found(row[0], dict(zip(COLUMNS, row[1:], strict=True))) for row in rows]
            return self._with_findings(found) if findings and found else found

    def _with_findings(self, found: list[Found]) -> list[Found]:
        told: dict[int, list[tuple[str, str | None, int | None]]] = {}
        query = "SELECT run, code, file, line FROM finding WHERE run BETWEEN ? AND ?"
        for run, *finding in self._db.execute(query, (found[-1].id, found[0].id)):
            told.setdefault(run, []).append((finding[0], finding[1], finding[2]))
        return [one.with_(findings=tuple(told.get(one.id, ()))) for one in found]

    def document(self, number: int) -> dict[str, Any]:
        """Return the report of a run as plain data. Raises HistoryError when there is none."""
        with self._told():
            row = self._db.execute("SELECT report_json_zlib FROM doc WHERE run = ?", (number,)).fetchone()
        if row is None:
            raise HistoryError(f"no run {number} is recorded", "see: supervisor history")
        try:
            found: dict[str, Any] = json.loads(zlib.decompress(row[0]))
        except (zlib.error, ValueError, TypeError) as error:
            raise HistoryError(
                f"run {number} is damaged: {error}", "the figures of all runs: supervisor history export --format csv"
            ) from None
        return found

    def rows(self) -> Iterator[Row]:
        """Return all runs as they were recorded, the oldest first."""
        for found in reversed(self.find()):
            with self._told():
                query = f"SELECT {', '.join(FINDING)} FROM finding WHERE run = ?"
                findings = [dict(zip(FINDING, one, strict=True)) for one in self._db.execute(query, (found.id,))]
            yield Row(found.values, tuple(findings), self.document(found.id))

    def merge(self, other: Iterable[Row]) -> int:
        """Take over the runs of another history that are not here yet; return how many."""
        added = 0
        with self._told(), self._transaction():
            for row in other:
                same = ("at", "host", "worker", "instance", "start")
                there = self._db.execute(
                    f"SELECT 1 FROM run WHERE {' AND '.join(f'{name} = ?' for name in same)}",
                    [row.values[name] for name in same],
                ).fetchone()
                if there is None:
                    self._add(row)
                    added += 1
        return added

    # ------------------------------------------------------------------ inside

    def _prepare(self, write: bool) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        if write:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables and write:
            with self._transaction():
                # Another writer may have made them meanwhile.
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _TABLES:
                        self._db.execute(statement)
                    self._db.execute("INSERT INTO meta VALUES (?)", (SCHEMA,))
            return
        if not tables:
            raise HistoryError(f"{self.path} is empty", "nothing was recorded yet; run: supervisor drill")
        if "meta" not in tables or "run" not in tables:
            raise HistoryError(f"{self.path} is no history of ours", "give another file: --history PATH")
        row = self._db.execute("SELECT schema FROM meta").fetchone()
        version = row[0] if row is not None else None
        if not isinstance(version, int):
            raise HistoryError(f"{self.path} is damaged: it has no schema", "give another file: --history PATH")
        if version > SCHEMA:
            raise HistoryError(
                f"{self.path} was written by a later version (schema {version}, this one knows {SCHEMA})",
                "update sigdrain, or give another file: --history PATH",
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Hold the only writer's place, from the first statement on; all or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what sqlite and the system say into words for a user."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            text = str(error)
            hint = "give another file: --history PATH, or --history off"
            if "locked" in text or "busy" in text:
                text, hint = "another process writes it all the time", "try again"
            elif "not a database" in text or "malformed" in text:
                text = "it is no sqlite file, or a damaged one"
            elif os.path.isdir(self.path):
                text = "it is a folder"
            elif "full" in text:
                hint = "make room on the disk, or give another file: --history PATH"
            raise HistoryError(f"cannot use the history {self.path}: {text}", hint) from None
        except FileNotFoundError:
            raise HistoryError(
                f"there is no history {self.path}", "nothing was recorded yet; run: supervisor drill"
            ) from None
        except OSError as error:
            raise HistoryError(
                f"cannot use the history {self.path}: {error.strerror}",
                "give another file: --history PATH, or --history off",
            ) from None


def _uri(path: str) -> str:
    from urllib.parse import quote

    return f"file:{quote(os.fsencode(os.path.abspath(path)))}"
