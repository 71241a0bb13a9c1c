"""Writing without blocking, where the usual way is closed to us."""

from __future__ import annotations

import fcntl
import os
import pty
import threading
import tty

import pytest

from supervisor.system.output.patience import Patience
from supervisor.system.output.sink import HIGH, LOW, Sink
from supervisor.system.poller import Poller

DATA = b"".join(b"%06d some words of a line\n" % number for number in range(60_000))
assert len(DATA) > HIGH


def _collected(fd: int, size: int) -> tuple[threading.Thread, bytearray]:
    """A reader in the background that takes ``size`` bytes in small pieces."""
    found = bytearray()

    def read() -> None:
        while len(found) < size:
            found.extend(os.read(fd, 1000))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread, found


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_a_pipe_of_another_user_is_written_as_far_as_it_has_room() -> None:
    """It cannot be opened a second time; nothing blocks, nothing is lost, and its flags stay."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)

    def act() -> bool:
        os.setresuid(65534, 65534, 65534)
        sink = Sink(Poller(), writer, lambda _: None)
        sink.put(DATA, 0.0)
        stalled = sink.full and sink.waiting > len(DATA) - (1 << 17)
        os.write(told, b"!")
        return stalled and sink.finish(Patience()) == 0

    wait, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if act() else 1)
        finally:
            os._exit(2)
    os.close(writer)
    assert os.read(wait, 1) == b"!", "it did not block while nobody read"
    data = b""
    while chunk := os.read(reader, 1 << 16):
        data += chunk
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert data == DATA
    assert flags & os.O_NONBLOCK == 0
    for fd in (reader, wait, told):
        os.close(fd)


def test_a_slow_terminal_gets_everything() -> None:
    """A terminal may be ready for poll(2) and take nothing; that is no reason to give up."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    thread, found = _collected(master, len(DATA))
    sink = Sink(Poller(), slave, lambda _: None)
    sink.put(DATA, 0.0)
    assert sink.finish(Patience()) == 0
    thread.join(30)
    assert bytes(found) == DATA
    os.close(master)
    os.close(slave)


def test_when_there_is_room_again_those_who_wait_are_called_once() -> None:
    reader, writer = os.pipe()
    called: list[float] = []
    poller = Poller()
    sink = Sink(poller, writer, called.append)
    sink.put(DATA, 1.0)
    assert (sink.full, sink.stalled_at) == (True, 1.0)
    while not called:
        assert sink.waiting > LOW
        os.read(reader, 1 << 16)
        for fd, events in poller.wait(0):
            poller.call(fd, 2.0, events)
    assert (called, sink.full) == ([2.0], False)
    assert sink.waiting <= LOW
    while sink.waiting:
        os.read(reader, 1 << 16)
        for fd, events in poller.wait(0):
            poller.call(fd, 3.0, events)
    assert (called, sink.stalled_at) == ([2.0], None)
    os.close(reader)
    os.close(writer)


def test_a_reader_that_leaves_while_lines_wait() -> None:
    reader, writer = os.pipe()
    called: list[float] = []
    poller = Poller()
    sink = Sink(poller, writer, called.append)
    sink.put(DATA, 1.0)
    os.close(reader)
    for fd, events in poller.wait(5):
        poller.call(fd, 2.0, events)
    assert (called, sink.gone, sink.waiting, sink.full) == ([2.0], True, 0, False)
    assert type(sink.error) is BrokenPipeError
    sink.put(DATA, 3.0)
    assert sink.waiting == 0 and poller.wait(0) == []
    os.close(writer)
