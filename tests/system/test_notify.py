"""sd_notify(3) over real sockets: systemd's own client, strangers, floods, and a manager that does not read."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from supervisor.core.notify import Message
from supervisor.system.notify.client import NotifyClient, Unreachable
from supervisor.system.notify.server import MOST_A_TURN, NotifyServer
from supervisor.system.poller import Poller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UIDS = frozenset({os.geteuid(), 0})


class Heard(list[Message]):
    """What a server has told, and the server."""

    def __init__(self, folder: Path, member: Callable[[int], bool] = lambda _: True) -> None:
        super().__init__()
        self.kept: list[int] = []
        self.path = str(folder / "notify")
        self.poller = Poller()
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        bound.bind(self.path)
        self.server = NotifyServer(bound, UIDS, member, self._keep)
        self.poller.watch(self.server.fileno(), lambda *_: self._read())

    def _keep(self, message: Message, descriptors: list[int]) -> bool:
        if message.storing:
            self.kept += descriptors
        return bool(message.storing)

    def _read(self) -> None:
        self.extend(self.server.read())
        self.server.done()

    def until(self, enough: Callable[[], bool], seconds: float = 20.0) -> None:
        """Let the server read until it is enough."""
        end = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < end, "no message came"
            for fd, what in self.poller.wait(0.1):
                self.poller.call(fd, time.monotonic(), what)

    def close(self) -> None:
        self.server.close()
        for fd in self.kept:
            os.close(fd)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    made = Heard(tmp_path)
    yield made
    made.close()


def sender(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.connect(path)
    return made


def test_the_client_of_systemd_and_its_barrier(heard: Heard) -> None:
    """`systemd-notify` waits until its BARRIER was closed: a server that keeps the descriptor hangs it for 5 s."""
    tool = shutil.which("systemd-notify")
    if tool is None:
        pytest.skip("needs systemd-notify (Debian package systemd)")
    environ = {**os.environ, "NOTIFY_SOCKET": heard.path}
    with subprocess.Popen([tool, "--ready", "--status=warm"], env=environ) as client:
        heard.until(lambda: any(message.barrier for message in heard))
        assert client.wait(20) == 0
    first, last = heard[0], heard[-1]
    assert first.ready and first.status == "warm" and not first.barrier
    assert last.barrier and not last.ready


def test_a_barrier_is_closed_only_after_what_came_before_it(heard: Heard) -> None:
    reader, writer = os.pipe()
    with sender(heard.path) as client:
        client.send(b"STATUS=first")
        socket.send_fds(client, [b"BARRIER=1"], [writer])
        os.close(writer)
        heard.until(lambda: len(heard) == 2)
    assert os.read(reader, 1) == b"", "nobody holds the descriptor any more"
    os.close(reader)
    assert [message.status for message in heard] == ["first", None]


def test_descriptors_are_kept_only_when_they_are_to_be_stored(heard: Heard) -> None:
    before = len(os.listdir("/proc/self/fd"))
    reader, writer = os.pipe()
    with sender(heard.path) as client:
        socket.send_fds(client, [b"READY=1"], [writer])
        socket.send_fds(client, [b"FDSTORE=1\nFDNAME=db"], [writer])
        heard.until(lambda: len(heard) == 2)
    assert len(heard.kept) == 1
    os.close(reader)
    os.close(writer)
    assert len(os.listdir("/proc/self/fd")) == before + 1


def test_a_stranger_is_dropped_and_counted(tmp_path: Path) -> None:
    heard = Heard(tmp_path, member=lambda pid: pid != os.getpid())
    with sender(heard.path) as client:
        client.send(b"READY=1")
        heard.until(lambda: heard.server.dropped == 1)
    assert heard == []
    # A process that is gone when its message is read cannot be asked whose it was: systemd-notify is such a one.
    code = "import socket, sys; s = socket.socket(1, 2); s.connect(sys.argv[1]); s.send(b'STATUS=gone')"
    subprocess.run([sys.executable, "-c", code, heard.path], check=True, timeout=30)
    heard.until(lambda: len(heard) == 1)
    heard.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_user_is_a_stranger_even_as_a_member() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        heard = Heard(Path(name))
        os.chmod(heard.path, 0o777)
        code = (
            "import os, socket, sys; os.setuid(65534)\n"
            "s = socket.socket(1, 2); s.connect(sys.argv[1]); s.send(b'READY=1')"
        )
        subprocess.run([sys.executable, "-c", code, heard.path], check=True, timeout=30)
        heard.until(lambda: heard.server.dropped == 1)
        assert heard == []
        heard.close()


def test_a_message_that_is_too_long_is_dropped_whole(heard: Heard) -> None:
    with sender(heard.path) as client:
        client.send(b"READY=1\nSTATUS=" + b"x" * 5000)
        client.send(b"STATUS=short")
        heard.until(lambda: len(heard) == 1)
    assert heard[0].status == "short" and heard.server.too_long == 1


def test_a_flood_is_read_in_portions(heard: Heard) -> None:
    """A worker that sends without pause is slowed down by its own full queue, the loop goes on in between."""
    code = "import socket, sys; s = socket.socket(1, 2); s.connect(sys.argv[1])\n"
    code += "for _ in range(20000): s.send(b'WATCHDOG=1')"
    with subprocess.Popen([sys.executable, "-c", code, heard.path]) as flood:
        portions = []
        while len(heard) < 20_000:
            before = len(heard)
            heard.until(lambda before=before: len(heard) > before)  # type: ignore[misc]  # the default is bound at once
            portions.append(len(heard) - before)
        assert flood.wait(30) == 0
    assert max(portions) <= MOST_A_TURN
    assert all(message.watchdog == "ping" for message in heard)


@pytest.mark.parametrize("abstract", [False, True])
def test_the_client_waits_for_a_manager_that_does_not_read(abstract: bool, tmp_path: Path) -> None:
    address = f"@sigdrain-test-{os.getpid()}" if abstract else str(tmp_path / "manager")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(20)
        poller = Poller()
        client = NotifyClient(address, poller)
        for number in range(2000):
            assert client.send("status", [f"STATUS={number}"])
        client.send("ready", ["READY=1", "STATUS=warm"])
        got: list[bytes] = []
        while not any(b"READY=1" in data for data in got):
            got.append(manager.recv(4096))
            for fd, what in poller.wait(0.0):
                poller.call(fd, time.monotonic(), what)
        assert len(got) < 2000, "of many that waited only the newest was sent"
        assert got[-2:] == [b"STATUS=1999", b"READY=1\nSTATUS=warm"]
        client.close()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/nonexistent/notify", "No such file or directory"),
        ("@nobody-listens-here", "Connection refused"),
        ("relative", "neither a path nor @NAME"),
        ("/" + "x" * 200, "longer than 107 bytes"),
        ("vsock:1:x", "expected vsock:CID:PORT"),
        ("vsock:" + "9" * 5000 + ":1", "expected vsock:CID:PORT"),
    ],
)
def test_an_address_where_nobody_is(address: str, why: str) -> None:
    with pytest.raises(Unreachable, match=why):
        NotifyClient(address, Poller())
