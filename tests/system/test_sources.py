"""Source lines: whatever a program calls its source, only text that its own user may read is shown."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.system import sources
from supervisor.system.process.spawn import Identity
from tests.support.users import enterable

NOBODY = Identity(65534, 65534, ())
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root becomes another user")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder that everybody can enter."""
    return enterable(tmp_path)


def test_lines_are_counted_from_one(tmp_path: Path) -> None:
    (tmp_path / "w.py").write_text("first\n    second \nthird" + "x" * 2000)
    line = sources.reader()
    found = [line(str(tmp_path / "w.py"), number) for number in (0, 1, 2, 4)]
    assert found == [None, "first", "    second", None]
    assert len(line(str(tmp_path / "w.py"), 3) or "") == sources.MOST_LINE


def test_what_is_no_text_file_has_no_lines(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "fifo.py")
    (tmp_path / "binary.py").write_bytes(b"a\0b\n")
    line = sources.reader()
    names = ("fifo.py", "link.py", "binary.py", "gone.py", ".")
    files = [str(tmp_path / name) for name in names]
    files += ["/dev/zero", "/dev/tty", "/proc/self/environ", "/proc/self/mem", "<frozen os>", "a\0b"]
    assert [line(file, 1) for file in files] == [None] * len(files)


def test_a_huge_file_is_read_to_its_bound(tmp_path: Path) -> None:
    with open(tmp_path / "big.py", "wb") as file:
        file.write(b"x\n" * (sources.MOST_BYTES // 2))
        file.write(b"beyond\n")
    line = sources.reader()
    last = sources.MOST_BYTES // 2
    assert (line(str(tmp_path / "big.py"), last), line(str(tmp_path / "big.py"), last + 1)) == ("x", None)


@as_root
def test_another_users_rights_are_taken_on_and_given_back(shared: Path) -> None:
    """Also what group root alone may read: the groups change with the user."""
    modes = {"everybody.py": 0o644, "mine.py": 0o600, "group.py": 0o640}
    for name, mode in modes.items():
        (shared / name).write_text(f"{name}\n")
        (shared / name).chmod(mode)
    before = os.geteuid(), os.getegid(), os.getgroups()
    theirs, ours = sources.reader(NOBODY), sources.reader()
    assert [theirs(str(shared / name), 1) for name in modes] == ["everybody.py", None, None]
    assert [ours(str(shared / name), 1) for name in modes] == list(modes)
    assert (os.geteuid(), os.getegid(), os.getgroups()) == before


@as_root
def test_roots_secrets_are_no_source(shared: Path) -> None:
    """The program of a root worker may have given its rights up, and names a file by our connection all the same."""
    (shared / "shadow").write_text("root:secret\n")
    (shared / "shadow").chmod(0o640)
    assert sources.reader()(str(shared / "shadow"), 1) is None
    (shared / "shadow").chmod(0o644)
    assert sources.reader()(str(shared / "shadow"), 1) == "root:secret"


@as_root
def test_of_a_process_with_its_rights(shared: Path) -> None:
    (shared / "mine.py").write_text("secret\n")
    (shared / "mine.py").chmod(0o600)
    (shared / "open.py").write_text("shown\n")
    with subprocess.Popen(["cat"], user=65534, group=65534, extra_groups=[],
                          stdin=subprocess.PIPE) as program:  # fmt: skip
        line = sources.of_process(program.pid)
        assert (line(str(shared / "mine.py"), 1), line(str(shared / "open.py"), 1)) == (None, "shown")
        program.communicate()
    assert sources.of_process(program.pid)(str(shared / "open.py"), 1) is None, "gone: nobody's rights"


def test_without_the_right_to_change_users_nothing_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.py").write_text("x\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert sources.reader(NOBODY)(str(tmp_path / "w.py"), 1) is None
