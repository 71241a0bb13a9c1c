"""Sockets of a process as /proc shows them, on real ones of our own."""

from __future__ import annotations

import os
import socket
import time

import pytest

from supervisor.system.proc import files, reading, sockets


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


def test_looks_and_explanations_read_one_table_and_write_addresses_alike() -> None:
    """An IPv4 address of an IPv6 socket is written as one, and a Unix socket by its path."""
    with socket.socket(socket.AF_INET6) as server, socket.socket(socket.AF_UNIX) as named:
        try:
            server.bind(("::ffff:127.0.0.1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error.strerror}")
        server.listen()
        named.bind("\0sigdrain-test-sockets")
        named.listen()
        wanted = {f"127.0.0.1:{server.getsockname()[1]}", "@sigdrain-test-sockets"}
        later = time.monotonic() + 20 * sockets.FRESH
        assert wanted <= set(sockets.of_process(os.getpid(), later)[0] or ())
        ends = reading.descriptors(os.getpid())
        assert ends is not None
        assert wanted <= set(files.open_sockets(os.getpid(), ends).listening)


def test_a_process_that_is_gone() -> None:
    assert sockets.of_process(2**22 + 1, time.monotonic()) == (None, None)
