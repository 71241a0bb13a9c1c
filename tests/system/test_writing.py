"""Where a report goes: whole into a file, as it is into a pipe, and nowhere that somebody else has prepared."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from supervisor.system import writing
from tests.support.namespaces import lacks
from tests.support.users import enterable

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of several users")


@pytest.fixture
def sticky(tmp_path: Path) -> Path:
    """A folder like /tmp."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def test_a_new_file_and_one_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    writing.write(str(path), b"first")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o640)
    before = path.stat().st_ino
    with path.open("rb") as reader:
        writing.write(str(path), b"second")
        assert reader.read() == b"first", "who reads the old one keeps it whole"
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"second", 0o640)
    assert path.stat().st_ino != before and os.listdir(tmp_path) == ["r.json"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@as_root
def test_the_owner_stays(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(b"")
    os.chown(path, NOBODY, 1)
    path.chmod(0o6640)
    writing.write(str(path), b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (NOBODY, 1, 0o640)


@pytest.mark.parametrize("before", [b"old", None])
def test_the_end_of_our_own_links(tmp_path: Path, before: bytes | None) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    place = tmp_path / "b/real.json"
    (tmp_path / "a/second").symlink_to("../b/real.json")
    (tmp_path / "first").symlink_to(tmp_path / "a/second")
    if before is not None:
        place.write_bytes(before)
    writing.write(str(tmp_path / "first"), b"new")
    assert place.read_bytes() == b"new"
    assert (tmp_path / "first").is_symlink() and (tmp_path / "a/second").is_symlink()


def test_links_in_a_circle_and_folders_are_errors(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("y")
    (tmp_path / "y").symlink_to("x")
    for path, words in (("x", "symbolic links"), (".", "directory"), ("", "directory"), ("gone/r", "No such file")):
        with pytest.raises(OSError, match=words):
            writing.write(str(tmp_path / path) if path else "", b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        writing.write(str(tmp_path / "folder"), b"new")


@as_root
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe"])
def test_what_another_user_put_into_a_shared_folder_is_refused(sticky: Path, tmp_path: Path, kind: str) -> None:
    ours, theirs = tmp_path / "ours", sticky / "r.json"
    if kind == "pipe":
        os.mkfifo(theirs, 0o666)
    else:
        if kind == "link":
            ours.write_bytes(b"precious")
        theirs.symlink_to(ours)
    os.chown(theirs, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(PermissionError, match=f"of another user .uid {NOBODY}. in a shared folder"):
        writing.write(str(theirs), b"new")
    assert ours.read_bytes() == b"precious" if kind == "link" else not ours.exists()
    os.chown(theirs, 0, 0, follow_symlinks=False)
    if kind != "pipe":
        writing.write(str(theirs), b"ours now")
        assert ours.read_bytes() == b"ours now"


@as_root
def test_a_folder_that_is_not_ours_is_written_in_place(tmp_path: Path) -> None:
    """Under the user who may write the file, but not its folder."""
    enterable(tmp_path)
    path = tmp_path / "r.json"
    path.write_bytes(b"a longer text that was there before")
    os.chown(path, NOBODY, NOBODY)
    before = path.stat().st_ino
    os.seteuid(NOBODY)
    try:
        writing.write(str(path), b"new")
        with pytest.raises(PermissionError):
            writing.write(str(tmp_path / "other.json"), b"new")
    finally:
        os.seteuid(0)
    assert (path.read_bytes(), path.stat().st_ino, os.listdir(tmp_path)) == (b"new", before, ["r.json"])


@as_root
@pytest.mark.skipif(bool(lacks("-m")), reason=lacks("-m"))
def test_a_mount_point_is_written_in_place(tmp_path: Path) -> None:
    """As a container's file that is mounted from outside: it cannot be replaced (EBUSY)."""
    program = f"from supervisor.system import writing; writing.write({str(tmp_path / 'r.json')!r}, b'new')"
    (tmp_path / "r.json").write_bytes(b"below")
    (tmp_path / "outside.json").write_bytes(b"a longer one")
    script = 'mount --bind outside.json r.json && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "permission" in done.stderr.lower() and "mount" in done.stderr.lower():
        pytest.skip("mounting is not allowed here")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "outside.json").read_bytes() == b"new" and (tmp_path / "r.json").read_bytes() == b"below"


# ------------------------------------------------------------------ pipes and devices


def test_a_pipe_gets_everything_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    content = b"x" * 300_000  # more than a pipe holds
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    writing.write(str(path), content)
    reader.join()
    assert read == [content] and path.is_fifo()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_nobody_is_waited_for_longer_than_that(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="no process reads from it"):
        writing.write(str(path), b"new")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="did not take"):
        writing.write(str(path), b"x" * 300_000)
    os.close(reader)
    assert path.is_fifo()


def test_a_device_is_not_replaced() -> None:
    before = os.stat("/dev/null")
    writing.write("/dev/null", b"new")
    assert os.path.samestat(before, os.stat("/dev/null"))
    with pytest.raises(OSError, match="No space left"):
        writing.write("/dev/full", b"new")


SAYING = """\
import os, sys
from supervisor.system import writing
os.write(1, b"before "); writing.write(sys.argv[1], b"report"); os.write(1, b" after")
"""


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_our_own_stdout_is_written_where_it_stands(tmp_path: Path, name: str) -> None:
    """Also a file that the shell has open: replaced, it would lose what is written afterwards."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    command = [sys.executable, "-c", SAYING, name]
    whole = b"before report after"
    with (tmp_path / "out").open("wb") as out:
        subprocess.run(command, cwd=tmp_path, stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == whole
    assert subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout == whole
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run(command, cwd=tmp_path, stdout=theirs.fileno(), check=True)
        assert ours.recv(1000) == whole


def test_whether_it_can_be_written_is_known_without_writing(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to("target.json")
    for name in ("new.json", "old.json", "pipe.json", "link.json"):
        writing.check(str(tmp_path / name))
    writing.check("/dev/stdout")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "old.json", "pipe.json"]
    assert (tmp_path / "old.json").read_text() == "old"
    (tmp_path / "astray.json").symlink_to("gone/x.json")
    for wrong in ("gone/x.json", "old.json/x.json", "", "astray.json"):
        with pytest.raises(OSError, match=r"No such file|Not a directory|Is a directory"):
            writing.check(str(tmp_path / wrong) if wrong else "")
