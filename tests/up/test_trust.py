"""What a worker says is not believed further than it may see itself."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.users import enterable
from tests.up.fleet import Up

LIAR = Path(__file__).parent / "programs/liar.py"
PYTHON = shutil.which("python3", path="/usr/bin:/bin")


def _report(folder: Path, worker: str, *said: str) -> dict[str, object]:
    """The finding about a worker that names these places, stopped after it spoke; the lie must have been heard."""
    command = json.dumps([PYTHON, "-I", str(folder / "liar.py"), *said])
    with Up(folder, f"[worker.liar]\n{worker}command = {command}\n", "--report", "r.json") as fleet:
        fleet.saw("ready")
        assert fleet.ended() == 0
    one = json.loads((folder / "r.json").read_text())["shutdowns"][0]
    places = [found["where"] for found in (*one["findings"], *one["critical_path"]) if found["where"]]
    assert any(where["file"] == said[0] for where in places), one
    return {where["file"]: where["source"] for where in places}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that everybody can enter, with the program in it."""
    enterable(tmp_path)
    shutil.copy(LIAR, tmp_path / "liar.py")
    (tmp_path / "liar.py").chmod(0o644)
    return tmp_path


@pytest.mark.skipif(os.geteuid() != 0 or PYTHON is None, reason="needs root and a Python that everybody may run")
@pytest.mark.parametrize("secret", ["shadow", "fifo", "/proc/self/environ"])
def test_a_workers_user_sees_no_more_than_its_own_files(shared: Path, secret: str) -> None:
    (shared / "shadow").write_text("root:secret\n")
    (shared / "shadow").chmod(0o640)
    os.mkfifo(shared / "fifo", 0o666)
    file = str(shared / secret)
    assert _report(shared, 'user = "nobody"\n', file, "1") == {file: None}


@pytest.mark.skipif(PYTHON is None, reason="needs a Python of the system")
def test_its_own_source_is_shown(shared: Path) -> None:
    file = str(shared / "liar.py")
    assert _report(shared, "", file, "3") == {file: "from __future__ import annotations"}
