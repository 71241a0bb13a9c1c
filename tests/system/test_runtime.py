"""The folder of a running fleet: one holder at a time, wherever it lies, whatever others have put in its way."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from supervisor.errors import ControlError
from supervisor.system.control import place

CONFIG = "/srv/shop/supervisor.toml"
KEY = place.key("shop", CONFIG)


def environment(folder: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(folder)}


def ours(env: dict[str, str]) -> list[place.Running]:
    """The fleets in the test's own folder: root finds those of the whole machine as well."""
    return [fleet for fleet in place.running(env) if fleet.folder.startswith(env["XDG_RUNTIME_DIR"])]


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert ours(env) == []
    first = place.Folder("shop", CONFIG, env)
    assert ours(env) == [place.Running("shop", first.path, CONFIG, os.getpid())]
    for name in ("shop", "renamed"):
        with pytest.raises(ControlError, match=f"already running .pid {os.getpid()}."):
            place.Folder(name, CONFIG, env)
    other = place.Folder("shop", "/srv/copy/supervisor.toml", env)
    assert [fleet.name for fleet in ours(env)] == ["shop", "shop"]
    first.close()
    assert ours(env) == [place.Running("shop", other.path, "/srv/copy/supervisor.toml", os.getpid())]
    assert not os.path.exists(first.path)
    place.Folder("shop", CONFIG, env).close()
    other.close()


def test_a_path_is_recorded_as_it_is(tmp_path: Path) -> None:
    """A path is bytes: any but NUL, line ends among them."""
    config = os.fsdecode(b"/srv/\xff\nx/supervisor.toml")
    folder = place.Folder("shop", config, environment(tmp_path))
    assert [fleet.config for fleet in ours(environment(tmp_path))] == [config]
    folder.close()


def test_a_race_for_the_lock_has_one_winner_at_a_time(tmp_path: Path) -> None:
    """Processes that lock and unlock as fast as they can, beside one that only looks: never two inside."""
    program = (
        "import os, sys\nfrom supervisor.errors import ControlError\nfrom supervisor.system.control import place\n"
        "env = {'XDG_RUNTIME_DIR': sys.argv[1]}\nwon = 0\n"
        "for _ in range(400):\n"
        "    place.running(env)\n"
        "    try:\n        folder = place.Folder('shop', '/x', env)\n"
        "    except ControlError as error:\n"
        "        assert 'already running' in error.message, error.message\n        continue\n"
        "    os.close(os.open(sys.argv[1] + '/inside', os.O_CREAT | os.O_EXCL))\n"
        "    os.unlink(sys.argv[1] + '/inside')\n    won += 1\n    folder.close()\n"
        "print(won)"
    )
    racers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    won = [int(racer.communicate(timeout=60)[0] or -1) for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert sum(won) > 0


def test_only_its_user_gets_in(tmp_path: Path) -> None:
    """Also when it was loosened before, or our umask is odd."""
    base = tmp_path / "sigdrain"
    base.mkdir()
    base.chmod(0o777)
    before = os.umask(0)
    try:
        folder = place.Folder("shop", CONFIG, environment(tmp_path))
        listening = folder.listen()
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (base, folder.path, folder.socket)]
    assert modes == [0o711, 0o700, 0o600]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(folder.socket)
    listening.close()
    folder.close()
    assert list(base.iterdir()) == []


def test_a_socket_left_by_sigkill_is_replaced(tmp_path: Path) -> None:
    stale = tmp_path / "sigdrain" / KEY / "control"
    stale.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(stale))
    folder = place.Folder("shop", CONFIG, environment(tmp_path))
    folder.listen().close()
    folder.close()


def test_what_is_in_the_way_of_the_socket(tmp_path: Path) -> None:
    """It is told with its path, and the lock is let go: it can be fixed and tried again."""
    (tmp_path / "sigdrain" / KEY / "control").mkdir(parents=True)
    folder = place.Folder("shop", CONFIG, environment(tmp_path))
    with pytest.raises(OSError, match="Address already in use") as found:
        folder.listen()
    assert found.value.filename == folder.socket
    folder.close()
    assert ours(environment(tmp_path)) == []
    (tmp_path / "sigdrain" / KEY / "control").rmdir()
    place.Folder("shop", CONFIG, environment(tmp_path)).close()


def _fifo(at: Path) -> None:
    os.mkfifo(at)


def _link(at: Path) -> None:
    target = at.parents[2] / "precious"
    target.write_text("mine")
    at.symlink_to(target)


@pytest.mark.parametrize("prepare", [_fifo, _link, Path.mkdir])
def test_something_else_in_place_of_the_lock(prepare: Callable[[Path], None], tmp_path: Path) -> None:
    """Nobody waits for it, nothing is written through it; who looks passes it over."""
    lock = tmp_path / "sigdrain" / KEY / "lock"
    lock.parent.mkdir(parents=True)
    prepare(lock)
    assert ours(environment(tmp_path)) == []
    with pytest.raises(OSError) as found:  # noqa: PT011 - which one depends on what is there
        place.Folder("shop", CONFIG, environment(tmp_path))
    assert found.value.filename == str(lock.parent)
    if prepare is _link:
        assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("part", ["sigdrain", f"sigdrain/{KEY}"])
def test_a_link_in_place_of_a_folder_is_not_followed(part: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / part).parent.mkdir(exist_ok=True)
    (tmp_path / part).symlink_to(elsewhere)
    with pytest.raises(OSError):  # noqa: PT011 - ELOOP or ENOTDIR, by the kernel's order of checks
        place.Folder("shop", CONFIG, environment(tmp_path))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
@pytest.mark.parametrize("part", ["sigdrain", f"sigdrain/{KEY}", f"sigdrain/{KEY}/lock"])
def test_what_belongs_to_another_user_is_not_used(part: str, tmp_path: Path) -> None:
    lock = tmp_path / "sigdrain" / KEY / "lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("1\n/x\n")
    os.chown(tmp_path / part, 65534, 65534)
    assert ours(environment(tmp_path)) == []
    with pytest.raises(PermissionError, match="it belongs to user 65534"):
        place.Folder("shop", CONFIG, environment(tmp_path))
    assert lock.read_text() == "1\n/x\n"


HELD = """
import fcntl, os, sys
os.setgroups(()); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
os.umask(0)
os.makedirs(sys.argv[1] + "/shop-00000000")
os.mkfifo(sys.argv[1] + "/shop-00000000/lock", 0o666)
fd = os.open(sys.argv[1] + "/shop-00000000/lock", os.O_RDWR)
fcntl.flock(fd, fcntl.LOCK_EX)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_fifo_that_another_user_holds_does_not_stop_who_looks() -> None:
    """Everything another user can prepare below /tmp: the folders, a FIFO in place of the lock, a lock on it."""
    with TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o777)
        base = os.path.join(name, "sigdrain")
        command = [sys.executable, "-c", HELD, base]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None and other.stdout.readline() == "ready\n"
            env = {"XDG_RUNTIME_DIR": name}
            assert ours(env) == []
            with pytest.raises(PermissionError, match="65534"):
                place.Folder("shop", CONFIG, env)
            os.chown(base, 0, 0)
            assert ours(env) == []
            os.chown(f"{base}/shop-00000000", 0, 0)
            assert ours(env) == []
            other.communicate("")


def test_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lasting = "/run/sigdrain" if os.geteuid() == 0 else f"/tmp/sigdrain-{os.geteuid()}"
    assert place._bases(environment(tmp_path))[:2] == [f"{tmp_path}/sigdrain", lasting]
    for useless in ({}, {"XDG_RUNTIME_DIR": "relative"}, {"XDG_RUNTIME_DIR": str(tmp_path / "gone")}):
        assert place._bases(useless)[0] == lasting
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)  # su, sudo -E
    assert place._bases(environment(tmp_path))[0] != f"{tmp_path}/sigdrain"


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    folder = place.Folder("shop", CONFIG, environment(deep))
    with pytest.raises(OSError, match="too long for a socket"):
        folder.listen()
    folder.close()
