"""The folder in which agents and supervisor meet: whose it is, who may come, and what is left in it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.errors import SupervisorError
from supervisor.system.agent import meeting
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.meeting import Meeting
from supervisor.system.process.spawn import Identity

NOBODY = Identity(65534, 65534, ())
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: folders of several users")


def _env(folder: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(folder)}


def test_the_folder_lasts_and_the_socket_does_not(tmp_path: Path) -> None:
    folder = tmp_path / f"sigdrain-agent-{os.geteuid()}"
    channels = [Channel(Meeting(env=_env(tmp_path))) for _ in range(2)]
    sockets = list(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700 and len(sockets) == 2
    assert {stat.S_IMODE(one.stat().st_mode) for one in sockets} == {0o600}
    for channel in channels:
        channel.close()
    assert list(tmp_path.iterdir()) == [folder] and list(folder.iterdir()) == []


def test_a_folder_that_others_may_enter_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / f"sigdrain-agent-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    Channel(Meeting(env=_env(tmp_path))).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_mask_of_new_files_stays(tmp_path: Path) -> None:
    before = os.umask(0o022)
    Channel(Meeting(env=_env(tmp_path))).close()
    assert os.umask(before) == 0o022


def test_a_swapped_folder_changes_nothing_elsewhere(tmp_path: Path) -> None:
    """Its name leads to another folder by now: what was opened is used, swept and left, not what its name says."""
    first, second = Meeting(env=_env(tmp_path)), Meeting(env=_env(tmp_path))
    folder, elsewhere = Path(first.folder), tmp_path / "elsewhere"
    elsewhere.mkdir()
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    precious = [elsewhere / os.path.basename(first.path), elsewhere / f"{gone.pid}-01234567"]
    for path in precious:
        path.write_text("precious")
    folder.rename(tmp_path / "moved")
    folder.symlink_to(elsewhere)
    channel = Channel(first)
    assert [one.name for one in (tmp_path / "moved").iterdir()] == [os.path.basename(first.path)]
    first.sweep()
    assert first.take_dump("dump-1", 10) == b""
    channel.close()
    second.close()
    assert [path.read_text() for path in precious] == ["precious"] * 2
    with pytest.raises(SupervisorError, match="no place for the agent"):
        _only(tmp_path)


def _only(base: Path) -> Meeting:
    """A meeting that has no other place to go to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(meeting, "_bases", lambda *_: iter([str(base)]))
        return Meeting()


@as_root
def test_a_folder_that_somebody_else_prepared_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / f"sigdrain-agent-{os.geteuid()}"
    folder.mkdir()
    os.chown(folder, 65534, -1)
    with pytest.raises(SupervisorError, match=r"belongs to another user .uid 65534"):
        _only(tmp_path)


@as_root
@pytest.mark.parametrize("mode", [0o777, 0o755])
def test_a_base_that_others_may_change_is_not_used(tmp_path: Path, mode: int) -> None:
    """They could put another folder in its place, with code that our workers load."""
    tmp_path.chmod(mode)
    if mode == 0o755:
        os.chown(tmp_path, 65534, -1)
    with pytest.raises(SupervisorError, match=r"others may write to|belongs to another user"):
        _only(tmp_path)


@as_root
def test_a_runtime_folder_of_another_user_is_passed_over(tmp_path: Path) -> None:
    """As su and sudo -E leave it."""
    os.chown(tmp_path, 65534, -1)
    made = Meeting(env=_env(tmp_path))
    made.close()
    assert made.folder.startswith("/run/") and list(tmp_path.iterdir()) == []


@as_root
def test_another_users_folder_is_theirs_and_so_is_the_socket() -> None:
    channel = Channel(Meeting(NOBODY))
    try:
        folder, at = os.stat(channel.meeting.folder), os.stat(channel.meeting.path)
        assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (65534, 0o700)
        assert (at.st_uid, stat.S_IMODE(at.st_mode)) == (65534, 0o600)
        assert (os.geteuid(), os.getegid()) == (0, os.getgid())
    finally:
        channel.close()


def test_paths_stay_short_enough_for_a_socket(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    made = Meeting(env={"XDG_RUNTIME_DIR": str(long), "TMPDIR": str(long)})
    made.close()
    assert len(made.path) <= meeting.LONGEST_PATH


def test_no_place_says_what_was_tried() -> None:
    with pytest.raises(SupervisorError, match="/proc/nowhere: No such file"):
        _only(Path("/proc/nowhere"))


def test_only_what_nobody_serves_is_swept(tmp_path: Path) -> None:
    """A pid that is unknown here may be alive in another container that shares the folder."""
    made = Meeting(env=_env(tmp_path))
    folder = Path(made.folder)
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    served, stale = f"{gone.pid}-00000001", f"{gone.pid}-00000002"
    kept = {served, f"{served}.dump-7", f"{os.getpid()}-00000003", "_sigdrain_agent-0d-ab", "notes", "7-x"}
    for name in (*kept - {served}, f"{stale}.dump-7", f"{gone.pid}-00000004"):
        (folder / name).write_text("")
    sockets = {name: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for name in (served, stale)}
    for name, one in sockets.items():
        one.bind(str(folder / name))
    sockets[served].listen()
    sockets[stale].close()
    made.sweep()
    assert {path.name for path in folder.iterdir()} == kept
    sockets[served].close()
    made.sweep()
    assert {path.name for path in folder.iterdir()} == kept - {served, f"{served}.dump-7"}
    made.close()


@as_root
def test_a_race_for_another_users_folder_gives_no_root_file(tmp_path: Path) -> None:
    """That user swaps its names as fast as it can; nothing outside of the folder ever changes its owner."""
    secret = tmp_path / "secret"
    secret.write_text("root's")
    program = (
        "import os, sys\nos.setgid(65534); os.setuid(65534)\nfolder, secret = sys.argv[1:]\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    for name in os.listdir(folder):\n"
        "        try:\n            os.unlink(f'{folder}/{name}'); os.symlink(secret, f'{folder}/{name}')\n"
        "        except OSError:\n            pass\n"
    )
    first = Meeting(NOBODY)
    first.close()
    racer = subprocess.Popen([sys.executable, "-c", program, first.folder, str(secret)], stdout=subprocess.PIPE)
    try:
        assert racer.stdout is not None and racer.stdout.readline() == b"up\n"
        for _ in range(100):
            try:
                Channel(Meeting(NOBODY)).close()
            except OSError:
                continue
            found = secret.stat()
            assert (found.st_uid, found.st_gid, secret.read_text()) == (0, 0, "root's")
    finally:
        racer.kill()
        racer.communicate()
        for name in os.listdir(first.folder):
            os.unlink(os.path.join(first.folder, name))
