"""`history`, `report`, `compare` and what records: through the command, as a user would."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from supervisor.config import selection
from supervisor.core.record import Finding, Where
from supervisor.core.selection import Selection
from supervisor.errors import UsageError
from supervisor.runs.history import record
from supervisor.runs.plan import Keeping
from tests.support.shutdowns import shutdown

if TYPE_CHECKING:
    from pathlib import Path


def command(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SIGDRAIN_HISTORY": str(folder / "h.db"), **env}
    done = subprocess.run(
        [sys.executable, "-m", "supervisor", *argv],
        cwd=folder,
        env={key: value for key, value in environ.items() if value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Eight runs of v1 around 1.0 s, eight of v2 around 1.5 s with a finding that v1 has not; one more was killed."""
    new = Finding("slow-task", "warning", "t", "a", 1.0, Where("/app/w.py", 7, "flush"))
    for tag, base, findings in (("v1", 1.0, ()), ("v2", 1.5, (new,))):
        ends = [shutdown(exited=base + n / 100, findings=findings, zero=base * 100 + n) for n in range(8)]
        record(Keeping(path=str(tmp_path / "h.db"), tag=tag), ends, "drill")
    killed = shutdown("killed", 10.0, findings=(new,), zero=500.0)
    record(Keeping(path=str(tmp_path / "h.db"), tag="v2"), [killed], "drill")
    return tmp_path


def test_the_newest_runs_are_listed_last(filled: Path) -> None:
    lines = command(filled, "history", "-n", "3").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["15", "16", "17"]
    assert "killed" in lines[-1] and "> 10.0 s" in lines[-1] and all(len(line) <= 80 for line in lines)
    told = json.loads(command(filled, "history", "--tag", "v1", "-n", "0", "--json").stdout)
    assert [one["id"] for one in told] == list(range(8, 0, -1)) and told[0]["argv"] == ["python3", "w.py"]
    assert "no run is recorded" in command(filled, "history", "--worker", "other").stdout


def test_a_regression_is_told_and_fails(filled: Path) -> None:
    done = command(filled, "compare", "tag=v1", "tag=v2")
    text = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "regression: the stop takes longer" in text and "+470 ms to +530 ms" in text
    assert "new slow-task w.py:7" in text and "1 of them killed" in text
    back = command(filled, "compare", "tag=v2", "tag=v1", "--json")
    told = json.loads(back.stdout)
    assert back.returncode == 0 and told["verdict"] == "improvement" and told["gone"] == ["slow-task w.py:7"]
    same = command(filled, "compare", "tag=v1", "tag=v1")
    assert same.returncode == 0 and "no difference" in same.stdout
    few = command(filled, "compare", "1", "17")
    assert few.returncode == 0, "one run each says nothing"


def test_a_report_is_shown_and_written_again(filled: Path) -> None:
    shown = command(filled, "report", "last", "--report", "r.json", "--json")
    document = json.loads(shown.stdout)
    assert document == json.loads((filled / "r.json").read_text())
    assert document["shutdowns"][0]["outcome"] == "killed" and document["supervisor"]["tag"] == "v2"
    assert command(filled, "report", "3").stdout.startswith("run 3, ")
    command(filled, "report", "tag=v1", "--report", "r.md")
    assert (filled / "r.md").read_text().startswith("# Shutdown report")


def test_it_is_exported_merged_and_pruned(filled: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(command(filled, "history", "export", "--format", "csv").stdout)))
    assert [row["id"] for row in rows] == [str(n) for n in range(1, 18)] and rows[0]["total"] == "1.0"
    lines = command(filled, "history", "export", "--tag", "v1").stdout.splitlines()
    assert len(lines) == 8 and json.loads(lines[0])["report"]["shutdowns"][0]["worker"] == "w"
    merged = command(filled, "history", "merge", "h.db", SIGDRAIN_HISTORY=str(filled / "other.db"))
    assert "17 runs taken over" in merged.stdout
    assert command(filled, "history", "prune", "--before", "0s").stdout == "17 runs forgotten\n"


@pytest.mark.parametrize(
    ("argv", "message", "code"),
    [
        (("history", "exprot"), "no such verb", 2),
        (("history", "export", "x"), "too many arguments", 2),
        (("history", "merge"), "no file", 2),
        (("history", "merge", "gone.db"), "there is no history gone.db", 1),
        (("history", "-n", "x"), "not a whole number", 2),
        (("history", "--since", "soon"), "is not a duration", 2),
        (("report",), "takes one run", 2),
        (("report", "9" * 400), "not the number of a run", 2),
        (("report", "99"), "no recorded run matches 99", 1),
        (("report", "last", "--report", "x.txt"), "no report format", 2),
        (("compare", "last"), "takes two sets", 2),
        (("compare", "tga=v1", "last"), "no set of runs", 2),
        (("compare", "last,last", "last"), "given twice", 2),
        (("compare", "tag=v9", "last"), "no recorded run matches tag=v9", 1),
        (("history", "--history", "gone.db"), "there is no history gone.db", 1),
        (("history", "--history", "supervisor.toml"), "no sqlite file", 1),
    ],
)
def test_a_mistake_gets_one_message(filled: Path, argv: tuple[str, ...], message: str, code: int) -> None:
    (filled / "supervisor.toml").write_text("x = 1\n" * 100)
    done = command(filled, *argv)
    assert message in done.stderr and done.returncode == code, done.stderr
    assert "hint:" in done.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("17", Selection(id=17)),
        ("last", Selection(last=1)),
        ("last:20", Selection(last=20)),
        ("tag=v2,worker=api,since=7d", Selection(tag="v2", worker="api", since=7 * 86400.0)),
        ("last:5,outcome=killed", Selection(last=5, outcome="killed")),
    ],
)
def test_a_set_is_read(text: str, wanted: Selection) -> None:
    assert selection.parse(text) == wanted


@pytest.mark.parametrize("text", ["", "0", "last:0", "last:x", "tag=", "worker", "since=x", "9" * 19, "²"])
def test_what_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        selection.parse(text)


# ------------------------------------------------------------------ who records


def count(folder: Path) -> int:
    told = command(folder, "history", "--json", "-n", "0")
    return len(json.loads(told.stdout)) if told.returncode == 0 else 0


def test_run_records_only_where_it_is_asked_to(tmp_path: Path) -> None:
    command(tmp_path, "run", "--", "true", SIGDRAIN_HISTORY="", XDG_STATE_HOME=str(tmp_path / "state"))
    assert not (tmp_path / "state").exists()
    done = command(tmp_path, "run", "-v", "--tag", "v1", "--", "true")
    assert count(tmp_path) == 1 and "recorded as 1" in done.stderr
    (tmp_path / "var").mkdir(mode=0o700)
    command(tmp_path, "run", "--", "true", SIGDRAIN_HISTORY="", STATE_DIRECTORY=str(tmp_path / "var"))
    assert (tmp_path / "var" / "history.db").exists()


def test_up_records_unless_it_is_switched_off(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text('[worker.a]\ncommand = "true"\nrestart = "never"\n')
    state = str(tmp_path / "state")
    command(tmp_path, "up", "--history", "off", SIGDRAIN_HISTORY="", XDG_STATE_HOME=state)
    assert not os.path.exists(state)
    command(tmp_path, "up", SIGDRAIN_HISTORY="", XDG_STATE_HOME=state)
    assert os.path.exists(f"{state}/sigdrain/history.db")
    nowhere = command(tmp_path, "up", SIGDRAIN_HISTORY=str(tmp_path / "supervisor.toml" / "x"))
    assert nowhere.returncode == 0 and "not recorded in the history" in nowhere.stderr
    assert nowhere.stderr.count("not recorded") == 1


def test_drill_records_its_runs_as_one_drill(tmp_path: Path) -> None:
    done = command(tmp_path, "drill", "-n", "2", "--warmup", "1", "--after", "0", "--tag", "v3", "--", "sleep", "100")
    assert "recorded as 1 to 2" in done.stderr
    told = json.loads(command(tmp_path, "history", "--json").stdout)
    assert len({one["drill_id"] for one in told}) == 1 and {one["tag"] for one in told} == {"v3"}
    assert all(one["ready_after"] is not None and one["kind"] == "drill" for one in told)
