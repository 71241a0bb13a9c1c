"""Sockets of a process as /proc shows them, on real ones of our own."""

from __future__ import annotations

import os
import socket
import time

from supervisor.system import sockets


def test_listening_connected_and_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "{}:{}".format(*server.getsockname())
        with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
            assert client.fileno() >= 0
            listening, connections = sockets.of_process(os.getpid(), time.monotonic())
            assert listening is not None and address in listening
            assert connections is not None and connections >= 2
    listening, _ = sockets.of_process(os.getpid(), time.monotonic() + 2 * sockets.FRESH)
    assert listening is not None and address not in listening


def test_looks_at_one_instant_share_a_reading() -> None:
    """The kernel needs milliseconds for its table: a fleet that stops is looked at in one turn of the loop."""
    at = time.monotonic() + 10 * sockets.FRESH
    one, other = socket.socketpair()  # with no socket at all there is nothing to read
    with one, other:
        sockets.of_process(os.getpid(), at)
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = "{}:{}".format(*server.getsockname())
            assert address not in (sockets.of_process(os.getpid(), at + sockets.FRESH / 2)[0] or ())
            assert address in (sockets.of_process(os.getpid(), at + 2 * sockets.FRESH)[0] or ())
            # Time that goes back (a later run of this process's tests) does not keep an old table either.
            assert address in (sockets.of_process(os.getpid(), at)[0] or ())


def test_a_process_that_is_gone() -> None:
    assert sockets.of_process(2**22 + 1, time.monotonic()) == (None, None)
