"""The agent's files for workers of other users: readable, root's own, and what they should be to the byte."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from supervisor.errors import SupervisorError
from supervisor.system.agent import inject
from supervisor.system.process.spawn import Identity
from tests.support.users import enterable

NOBODY = Identity(65534, 65534, ())
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation below a 0700 home, and a place for copies; returns that place."""
    home = tmp_path / "home" / "agent"
    shutil.copytree(inject.HOME, home, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "home").chmod(0o700)
    enterable(tmp_path)
    monkeypatch.setattr(inject, "HOME", str(home))
    monkeypatch.setattr(inject, "COPIES", str(tmp_path / "run/sigdrain"))
    (tmp_path / "run").mkdir()
    return tmp_path / "run/sigdrain"


def test_our_own_user_reads_our_own_files() -> None:
    assert inject.home_for(None) == inject.home_for(Identity(os.geteuid(), None, None)) == inject.HOME
    assert os.path.isfile(os.path.join(inject.BOOT, "sitecustomize.py"))


@as_root
def test_a_readable_installation_is_not_copied(private: Path) -> None:
    (private.parent.parent / "home").chmod(0o755)
    assert inject.home_for(NOBODY) == inject.HOME
    assert not private.exists()


@as_root
def test_a_copy_is_roots_and_whole_and_used_again(private: Path) -> None:
    before = os.umask(0o077)
    try:
        home = inject.home_for(NOBODY)
    finally:
        os.umask(before)
    assert os.path.dirname(home) == str(private) and os.path.basename(home).startswith("agent-")
    found = os.stat(home)
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o755)
    assert stat.S_IMODE(os.stat(private).st_mode) == 0o711
    for name in inject._names(inject.HOME):
        read = subprocess.run(["cat", os.path.join(home, name)], user=65534, capture_output=True, check=True)
        assert read.stdout == inject._content(inject.HOME, name)
    stamp = os.stat(os.path.join(home, "boot")).st_mtime_ns
    assert inject.home_for(NOBODY) == home and os.stat(os.path.join(home, "boot")).st_mtime_ns == stamp
    assert os.listdir(private) == [os.path.basename(home)], "nothing is left of the writing"


@as_root
@pytest.mark.parametrize("change", ["bytes", "more", "mode", "owner", "link", "parent"])
def test_a_copy_that_was_changed_is_not_used(private: Path, change: str) -> None:
    file = Path(inject.home_for(NOBODY)) / "boot/sitecustomize.py"
    match change:
        case "bytes":
            file.write_bytes(file.read_bytes() + b"\n")
        case "more":
            (file.parent / "os.py").write_text("")
        case "mode":
            file.chmod(0o666)
        case "owner":
            os.chown(file, 65534, -1)
        case "link":
            file.rename(private / "kept.py")
            file.symlink_to(private / "kept.py")
        case "parent":
            private.chmod(0o777)
    with pytest.raises(SupervisorError, match=r"uid 65534 cannot read the agent's files .* and no copy can be made"):
        inject.home_for(NOBODY)


@as_root
@pytest.mark.usefixtures("private")
def test_another_content_is_another_copy() -> None:
    first = inject.home_for(NOBODY)
    (Path(inject.HOME) / "body/grain.py").write_text("# another version\n")
    assert inject.home_for(NOBODY) != first


@as_root
def test_where_others_may_change_what_is_above_there_is_no_copy(private: Path) -> None:
    private.parent.chmod(0o777)
    with pytest.raises(SupervisorError, match="others may write to"):
        inject.home_for(NOBODY)
