"""Tries of readiness checks against real servers: good ones, slow ones, strangers, liars."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from supervisor.core.readiness import Check
from supervisor.core.spec import WorkerId
from supervisor.system.poller import Poller
from supervisor.system.readiness import Answer, Tries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

WORKER = WorkerId(7)


class Asked:
    """A poller, and tries on it."""

    def __init__(self) -> None:
        self.poller = Poller()
        self.tries = Tries(self.poller)

    def turn(self, longest: float = 0.1) -> None:
        due = self.tries.deadline
        left = longest if due is None else min(longest, max(due - time.monotonic(), 0.0))
        for fd, what in self.poller.wait(left):
            self.poller.call(fd, time.monotonic(), what)
        due = self.tries.deadline
        if due is not None and due <= time.monotonic():
            self.tries.tick(time.monotonic())

    def __call__(self, check: Check, pids: Iterable[int] = (os.getpid(),), timeout: float = 20.0) -> Answer:
        answers: list[Answer] = []
        done: Callable[[Answer, float], None] = lambda answer, _: answers.append(answer)  # noqa: E731 - typed
        self.tries.begin(WORKER, "ready", check, lambda: pids, timeout, done, time.monotonic())
        assert answers == [], "an answer never comes from within"
        while not answers:
            self.turn()
        assert self.tries.deadline is None
        return answers[0]


@pytest.fixture
def ask() -> Asked:
    return Asked()


@contextmanager
def server(answer: Callable[[socket.socket], object] | None = None, host: str = "127.0.0.1") -> Iterator[int]:
    """A listener of this process; ``answer`` is called in a thread for each connection. Gives its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as made:
        port = made.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    connection, _ = made.accept()
                except OSError:
                    return
                with connection:
                    try:
                        if answer is not None:
                            answer(connection)
                    except OSError:  # the asker hung up
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port
        made.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def replies(*parts: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)

    return answer


def http(port: int, path: str = "/ready") -> Check:
    return Check("http", host="127.0.0.1", port=port, path=path)


def test_a_listener_of_the_worker(ask: Asked) -> None:
    with server() as port:
        assert ask(Check("tcp", host="127.0.0.1", port=port)) == Answer(True, "accepts connections")
        assert ask(Check("tcp", host="localhost", port=port)).ok
    assert ask(Check("tcp", host="127.0.0.1", port=port)) == Answer(False, "connection refused")


def test_localhost_is_both_loopback_addresses(ask: Asked) -> None:
    try:
        with server(host="::1") as port:
            assert ask(Check("tcp", host="localhost", port=port)).ok
            assert ask(Check("tcp", host="::1", port=port)).ok
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_ready_does_not_come_from_somebody_elses_server(ask: Asked) -> None:
    """The port was taken by a stranger: his answer would make a worker ready that could not even bind."""
    code = (
        "import socket, time\ns = socket.create_server(('127.0.0.1', 0))\n"
        "print(s.getsockname()[1], flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as stranger:
        assert stranger.stdout is not None
        port = int(stranger.stdout.readline())
        answer = ask(Check("tcp", host="127.0.0.1", port=port))
        assert not answer.ok
        assert (
            f"127.0.0.1:{port} is served by" in answer.seen
            and f"(pid {stranger.pid}), not by this worker" in answer.seen
        )
        assert ask(Check("tcp", host="127.0.0.1", port=port), pids=(os.getpid(), stranger.pid)).ok
        assert ask(Check("tcp", host="127.0.0.1", port=port, listener="any")).ok
        stranger.kill()


def test_a_listener_on_all_addresses(ask: Asked) -> None:
    with server(host="0.0.0.0") as port:
        assert ask(Check("tcp", host="127.0.0.1", port=port)) == Answer(True, "accepts connections")


@pytest.mark.parametrize("abstract", [False, True])
def test_unix_sockets(abstract: bool, ask: Asked, tmp_path: Path) -> None:
    path = f"@sigdrain-test-{os.getpid()}" if abstract else str(tmp_path / "s")
    missing = ask(Check("unix", path=path))
    assert missing == Answer(False, "connection refused" if abstract else "no such socket")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("\0" + path[1:] if abstract else path)
        assert ask(Check("unix", path=path)) == Answer(False, "connection refused"), "bound, but does not listen yet"
        made.listen(0)
        assert ask(Check("unix", path=path)) == Answer(True, "accepts connections")
        fillers = []
        for _ in range(4):  # nobody accepts: the queue of connections is full
            one = socket.socket(socket.AF_UNIX)
            one.setblocking(False)
            one.connect_ex(made.getsockname())
            fillers.append(one)
        assert ask(Check("unix", path=path)) == Answer(False, "its queue of connections is full")
        for one in fillers:
            one.close()


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ((b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n"), Answer(True, "HTTP 200")),
        ((b"HTTP/1.0 204 No Content\r\n\r\n",), Answer(True, "HTTP 204")),
        ((b"H", b"TTP/1.1 20", b"0 OK\r\n\r\n"), Answer(True, "HTTP 200")),
        ((b"HTTP/1.1 503 Not yet\r\n\r\n",), Answer(False, "HTTP 503")),
        (
            (b"HTTP/1.1 302 Found\r\n", b"Location: http://elsewhere/\x1b[31m\r\n\r\n"),
            Answer(False, "HTTP 302 to 'http://elsewhere/\\x1b[31m'; redirects are not followed"),
        ),
        (
            (b"SSH-2.0-OpenSSH\r\n",),
            Answer(False, "the answer is not HTTP/1: it begins with 'SSH-2.0-OpenSSH'"),
        ),
        ((b"HTTP/1.1 2000 OK\r\n",), Answer(False, "the answer is not HTTP/1: it begins with 'HTTP/1.1 2000 OK'")),
        ((), Answer(False, "the connection was closed without an answer")),
        ((b"HTTP/1.1 2",), Answer(False, "the answer was cut off")),
    ],
)
def test_http(parts: tuple[bytes, ...], answer: Answer, ask: Asked) -> None:
    with server(replies(*parts, pause=0.01)) as port:
        assert ask(http(port)) == answer


def test_a_gigabyte_is_not_read(ask: Asked) -> None:
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 301 Moved\r\nX-Filler: ")
        for _ in range(16_384):
            sent.append(connection.send(b"x" * 65536))

    with server(endless) as port:
        answer = ask(http(port))
        assert answer.seen.startswith("HTTP 301")
    assert sum(sent) < 1 << 26, "the kernel's buffers at the most"


def test_what_is_asked(ask: Asked) -> None:
    got: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        got.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 418 Teapot\r\n\r\n")

    with server(answer) as port:
        check = http(port, "/ready?deep=1").with_(
            headers=(("Host", "shop.example"), ("X-Probe", "1")), status=(418, 418)
        )
        assert ask(check) == Answer(True, "HTTP 418")
    lines = got[0].split(b"\r\n")
    assert lines[0] == b"GET /ready?deep=1 HTTP/1.1"
    assert b"Host: shop.example" in lines and b"X-Probe: 1" in lines and lines[-2:] == [b"", b""]


def test_a_server_that_says_nothing_costs_its_time_and_nothing_more(ask: Asked) -> None:
    with server(lambda connection: connection.recv(65536) and connection.recv(1)) as port:
        answers: list[Answer] = []
        ask.tries.begin(
            WORKER, "ready", http(port), lambda: (os.getpid(),), 0.3, lambda a, _: answers.append(a), time.monotonic()
        )
        turns = 0
        while not answers:
            ask.turn(60.0)
            turns += 1
        assert answers == [Answer(False, "connected, but no answer within 0.3 s")]
        assert turns <= 4, "connected, asked, over: a probe that hangs wakes nobody"


def test_given_up_and_begun_anew(ask: Asked) -> None:
    """A worker that restarts does not get the answer of its earlier process."""
    answers: list[str] = []
    with server(replies(b"HTTP/1.1 200 OK\r\n\r\n", pause=0.0)) as port, server() as silent:
        begin = ask.tries.begin
        begin(WORKER, "ready", http(silent), lambda: (), 5.0, lambda *_: answers.append("old"), time.monotonic())
        begin(
            WORKER,
            "ready",
            http(port),
            lambda: (os.getpid(),),
            5.0,
            lambda *_: answers.append("new"),
            time.monotonic(),
        )
        while not answers:
            ask.turn()
        begin(WORKER, "ready", http(silent), lambda: (), 5.0, lambda *_: answers.append("gone"), time.monotonic())
        ask.tries.cancel(WORKER, "ready")
        ask.turn(0.0)
    assert answers == ["new"] and ask.tries.deadline is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_open_files_that_may_not_be_read() -> None:
    """A supervisor without rights over its worker (setuid program): the answer counts, and the doubt is told."""
    program = (
        "import os, socket, sys, time\n"
        "from supervisor.core.readiness import Check\nfrom tests.system.test_readiness import Asked\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "answer = Asked()(Check('tcp', host='127.0.0.1', port=int(sys.argv[1])), pids=(int(sys.argv[2]),))\n"
        "print(answer.ok, answer.note)\n"
    )
    with server() as port:
        said = subprocess.run(
            [sys.executable, "-c", program, str(port), str(os.getpid())],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
        )
    if said.returncode and "PermissionError" in said.stderr:
        pytest.skip("the checkout may not be read by another user")
    assert said.stdout.startswith("True the worker's open files may not be read"), said.stdout + said.stderr
