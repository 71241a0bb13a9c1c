"""Whose listening socket answered: a worker is ready only when one of its own processes holds it (/proc, proc(5))."""

from __future__ import annotations

import _socket
import os

from supervisor.core.frozen import Frozen
from supervisor.system.proc import processes, reading, sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Processes that are looked into for the name of a stranger: some 10 us each, and only when the answer is no.
MOST_PROCESSES = 4000


class Whose(Frozen):
    """``stranger``: why the listener is not the worker's; ``unknown``: why it could not be found out. Else it is."""

    stranger: str | None = None
    unknown: str | None = None


def whose(connection: _socket.socket, pids: Iterable[int]) -> Whose:
    """Say whether one of ``pids`` holds the listening socket that accepted ``connection``."""
    peer = connection.getpeername()
    shown, inodes = _listening(connection.family, peer)
    if not inodes:
        return Whose(unknown=f"{shown} is in no socket table that can be read, so whose it is is not known")
    hidden = False
    for pid in pids:
        ends = reading.descriptors(pid)
        if ends is None:
            hidden = hidden or os.path.exists(f"/proc/{pid}")
        elif sockets.inodes(ends.values()) & inodes:
            return Whose()
    if hidden:
        return Whose(unknown=f"the worker's open files may not be read, so whether {shown} is its own is not known")
    holder = _holder(inodes)
    if holder is None:
        return Whose(stranger=f"{shown} is served by another process, which may not be looked at")
    name = " ".join(processes.argv(holder)[:2]) or "?"
    return Whose(stranger=f"{shown} is served by {name} (pid {holder}), not by this worker")


def _listening(family: int, peer: tuple[str, int] | str | bytes) -> tuple[str, set[bytes]]:
    """Return (the address in words, inodes of the sockets that may have accepted there), in our network namespace."""
    rows = sockets.table(os.getpid(), sockets.MOST_TABLE)
    if family == _socket.AF_UNIX:
        raw = peer if isinstance(peer, bytes) else os.fsencode(str(peer))
        path = b"@" + raw[1:] if raw.startswith(b"\0") else raw
        return os.fsdecode(path), {
            inode for inode, row in rows.items() if row[0] == sockets.LISTEN and row[1] == path
        }
    host, port = peer[0], peer[1]
    shown = f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    exact, wild = set(), set()
    for inode, row in rows.items():
        if row[0] != sockets.LISTEN or not row[2]:
            continue
        local = sockets.address(row[1])
        if local == shown:
            exact.add(inode)
        elif local in (f"0.0.0.0:{port}", f"[::]:{port}"):
            wild.add(inode)
    return shown, exact or wild


def _holder(inodes: set[bytes]) -> int | None:
    """Return a process that has one of these sockets open."""
    for name in os.listdir("/proc")[:MOST_PROCESSES]:
        if name.isdecimal():
            ends = reading.descriptors(int(name))
            if ends and sockets.inodes(ends.values()) & inodes:
                return int(name)
    return None
