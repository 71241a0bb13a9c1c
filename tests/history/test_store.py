"""The history file: what is stored, what survives, what is refused. Real files, real writers, real SIGKILL."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from supervisor.core.record import Finding, Link, Where
from supervisor.core.selection import Selection
from supervisor.errors import HistoryError
from supervisor.runs.history import Recorded, record
from supervisor.runs.plan import Keeping
from supervisor.system.history import place
from supervisor.system.history.query import condition
from supervisor.system.history.store import Store
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from pathlib import Path

WRITER = [sys.executable, "-m", "tests.history.writer"]


def keeping(folder: Path, tag: str | None = None, *, sources: bool = True) -> Keeping:
    return Keeping(path=str(folder / "h" / "history.db"), tag=tag, sources=sources)


def opened(folder: Path, *, write: bool = False) -> Store:
    return Store(str(folder / "h" / "history.db"), write=write)


def finding(file: str) -> Finding:
    where = Where(file, 7, "flush", source="await secret()")
    return Finding("slow-task", "warning", "t", "a", 1.5, where, chain=(Link("main waits", where),))


def test_a_run_is_stored_with_its_figures_findings_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours, foreign = finding(str(tmp_path / "w.py")), finding("/usr/lib/x.py")
    one = shutdown(argv=("w", "--password", "hunter2"), findings=(ours, foreign))
    done = record(keeping(tmp_path, "v1"), [one], "drill", fleet="shop", ready={0: 0.25}, drill="d1")
    assert done == Recorded((1,))
    store = opened(tmp_path)
    (found,) = store.find(findings=True)
    assert found.values["total"] == 1.0 and found.values["ready_after"] == 0.25
    assert (found.values["kind"], found.values["fleet"], found.values["tag"], found.values["drill_id"]) == (
        "drill", "shop", "v1", "d1",
    )  # fmt: skip
    assert found.findings == (("slow-task", str(tmp_path / "w.py"), 7), ("slow-task", "/usr/lib/x.py", 7))
    document = store.document(1)
    told = document["shutdowns"][0]["findings"]
    assert [one["where"]["source"] for one in told] == ["await secret()", None], "only lines of the folder we are in"
    store.close()
    stored = (tmp_path / "h" / "history.db").read_bytes()
    assert b"hunter2" not in stored and b"hunter2" not in str(document).encode()
    record(keeping(tmp_path, sources=False), [one], "run")
    store = opened(tmp_path)
    assert "await secret()" not in str(store.document(2))
    store.close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    record(keeping(tmp_path), [shutdown()], "up")
    assert os.stat(tmp_path / "h").st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "h" / "history.db").st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/shop:/var/lib/b", "HOME": "/h"}, "/var/lib/shop/history.db"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/sigdrain/history.db"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/sigdrain/history.db"),
    ],
)
def test_where_it_is(environ: dict[str, str], path: str) -> None:
    assert place.default(environ) == path


def test_without_a_safe_place_nothing_is_recorded_and_a_note_says_why(tmp_path: Path) -> None:
    assert "no home folder" in record(Keeping(path=None), [shutdown()], "up", environ={}).note
    (tmp_path / "file").write_text("")
    assert "File exists" in record(Keeping(path=str(tmp_path / "file" / "h.db")), [shutdown()], "up").note
    (tmp_path / "open").mkdir()
    os.chmod(tmp_path / "open", 0o777)
    assert "others may write" in record(Keeping(path=str(tmp_path / "open" / "h.db")), [shutdown()], "up").note
    target = tmp_path / "target"
    os.symlink(target, tmp_path / "link.db")
    assert record(Keeping(path=str(tmp_path / "link.db")), [shutdown()], "up").note
    assert not target.exists()
    assert record(Keeping(), [shutdown()], "up") == Recorded()


def test_a_foreign_a_damaged_and_a_later_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    for content, said in ((b"not sqlite" * 1000, "no sqlite file"), (b"", "nothing was recorded")):
        path.write_bytes(content)
        with pytest.raises(HistoryError) as caught:
            Store(str(path), write=False)
        assert said in caught.value.message + caught.value.hint
    path.unlink()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE run(x)")
    foreign.commit()
    foreign.close()
    with pytest.raises(HistoryError, match="no history of ours"):
        Store(str(path), write=True)
    record(keeping(tmp_path), [shutdown()], "up")
    later = sqlite3.connect(tmp_path / "h" / "history.db")
    later.execute("UPDATE meta SET schema = 99")
    later.commit()
    later.close()
    assert "later version" in record(keeping(tmp_path), [shutdown()], "up").note
    with pytest.raises(HistoryError, match="there is no history"):
        Store(str(tmp_path / "gone.db"), write=False)


def test_a_damaged_file_is_a_message_and_changes_nothing_else(tmp_path: Path) -> None:
    record(keeping(tmp_path), [shutdown()], "up")
    raw = sqlite3.connect(tmp_path / "h" / "history.db")
    raw.execute("UPDATE doc SET report_json_zlib = x'00'")
    raw.commit()
    store = opened(tmp_path)
    with pytest.raises(HistoryError, match="run 1 is damaged"):
        store.document(1)
    store.close()
    raw.execute("DELETE FROM meta")
    raw.commit()
    raw.close()
    assert "it has no schema" in record(keeping(tmp_path), [shutdown()], "up").note
    with pytest.raises(HistoryError, match="it is a folder"):
        Store(str(tmp_path / "h"), write=False)


def test_a_full_disk_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    """sqlite's own limit of pages stands for the disk: the same SQLITE_FULL."""
    record(keeping(tmp_path), [shutdown()], "up")
    store = opened(tmp_path, write=True)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    from supervisor.system.history.store import Row

    big = Row({**store.find()[0].values}, (), {"text": os.urandom(200_000).hex()})
    with pytest.raises(HistoryError) as caught:
        store.add([big])
    assert "full" in caught.value.message and "make room" in caught.value.hint
    assert [one.id for one in store.find()] == [1]
    store.close()


def test_a_busy_file_is_not_waited_for(tmp_path: Path) -> None:
    record(keeping(tmp_path), [shutdown()], "up")
    other = sqlite3.connect(tmp_path / "h" / "history.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "another process writes it" in record(keeping(tmp_path), [shutdown()], "up").note
    other.execute("ROLLBACK")
    assert record(keeping(tmp_path), [shutdown()], "up").numbers == (2,)
    other.close()


def kill_while_writing(folder: Path, moments: int, seed: int) -> None:
    """SIGKILL one of two writers at seeded moments: the file stays whole, no half of two runs is there, and what was
    acknowledged is.
    """
    draw = random.Random(seed)
    path = str(folder / "h" / "history.db")
    record(Keeping(path=path), [shutdown()], "up")
    writers = [subprocess.Popen([*WRITER, path, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
    acknowledged: set[int] = set()

    def heard(out: str) -> None:
        for line in out.splitlines(keepends=True):
            words = line.split()
            if line.endswith("\n") and words and words[0].isdigit():
                acknowledged.update(map(int, words[:2]))

    for _ in range(moments):
        which = draw.randrange(2)
        victim = writers[which]
        assert victim.stdout is not None
        first = victim.stdout.readline()
        time.sleep(draw.uniform(0, 0.02))
        victim.send_signal(signal.SIGKILL)
        heard(first + victim.communicate()[0])
        writers[which] = subprocess.Popen([*WRITER, path, "ab"[which]], stdout=subprocess.PIPE, text=True)
    for one in writers:
        one.kill()
        heard(one.communicate()[0])
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()
    store = Store(path, write=False)
    found = store.find()
    store.close()
    there = {one.id for one in found}
    assert acknowledged and acknowledged <= there
    pairs = [one.values["worker"] for one in found if one.values["kind"] == "drill"]
    assert pairs.count("a") % 2 == 0 and pairs.count("b") % 2 == 0


def test_a_killed_writer_leaves_no_half_run(tmp_path: Path) -> None:
    kill_while_writing(tmp_path, 8, 1)


@pytest.mark.outside
def test_two_hundred_killed_writers_leave_no_half_run(tmp_path: Path) -> None:
    kill_while_writing(tmp_path, 200, 2)


# ------------------------------------------------------------------ choose, forget, merge


def filled(folder: Path) -> Store:
    for number in range(6):
        zero = time.monotonic() - 60 + number
        ends = [shutdown(worker="api", instance=number % 2, zero=zero), shutdown("killed", worker="db", zero=zero)]
        record(keeping(folder, f"v{number // 3}"), ends, "drill", fleet="shop", drill=f"d{number}")
    return opened(folder, write=True)


def chosen(store: Store, **wanted: object) -> list[int]:
    where, values, most = condition(Selection(**wanted), time.time())  # type: ignore[arg-type]  # as the test says
    return [one.id for one in store.find(where, values, most=most)]


def test_runs_are_chosen_by_what_they_are(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert len(chosen(store)) == 12 and chosen(store, last=2) == [12, 11] and chosen(store, id=3) == [3]
    assert chosen(store, worker="api") == [11, 9, 7, 5, 3, 1]
    assert chosen(store, worker="api.1") == [11, 7, 3]
    assert chosen(store, worker="db", tag="v1") == [12, 10, 8]
    assert chosen(store, outcome="killed", last=1) == [12] and chosen(store, drill="d2") == [6, 5]
    assert chosen(store, fleet="' OR 1 = 1 --") == []
    assert chosen(store, since=3600.0, kind="drill") and not chosen(store, before=3600.0, since=7200.0)
    store.close()


def test_the_oldest_are_forgotten_with_their_reports(tmp_path: Path) -> None:
    store = filled(tmp_path)
    assert store.prune(runs=5) == 7
    assert chosen(store) == [12, 11, 10, 9, 8]
    assert store._db.execute("SELECT count(*) FROM doc").fetchone() == (5,)
    assert store.prune(before=time.time() + 10_000) == 5
    assert chosen(store) == []
    assert store.prune(most_bytes=0) == 0, "an empty file cannot be smaller"
    store.close()


def test_a_file_that_grows_too_big_loses_its_oldest(tmp_path: Path) -> None:
    store = filled(tmp_path)
    used = store._bytes()
    assert store.prune(most_bytes=used - 1) == 12, "all of them are one slice"
    store.close()


def test_another_history_is_taken_over_once(tmp_path: Path) -> None:
    other = filled(tmp_path)
    record(Keeping(path=str(tmp_path / "mine.db")), [shutdown()], "up")
    mine = Store(str(tmp_path / "mine.db"), write=True)
    assert mine.merge(other.rows()) == 12
    assert mine.merge(other.rows()) == 0
    assert len(mine.find()) == 13
    assert mine.find(findings=True)[0].values["worker"] == "db"
    assert mine.document(13)["shutdowns"][0]["worker"] == "db"
    for one in (mine, other):
        one.close()
