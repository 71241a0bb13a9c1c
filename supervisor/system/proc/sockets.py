"""The sockets a process holds, from /proc/pid/net and the links of its descriptors (proc_pid_net(5))."""

from __future__ import annotations

import os
import sys

from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    # Of a TCP socket state, local address, peer's address and queues as written there; of a Unix one that listens
    # LISTEN, its path and twice nothing.
    Row: TypeAlias = tuple[bytes, bytes, bytes, bytes]
    # By inode.
    Rows: TypeAlias = dict[bytes, Row]

ESTABLISHED, LISTEN = b"01", b"0A"  # include/net/tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON in /proc/net/unix
# Of each table, some 6 000 sockets of the network namespace.
MOST_BYTES = 1 << 20
# The same where one answer depends on it: some 100 000 sockets.
MOST_TABLE = 16 << 20

# The kernel walks its whole table of connections for each read, some milliseconds however few there are. All workers
# of a fleet that stop together are looked at in one turn of the loop: they share what was read, so many seconds.
FRESH = 0.05

_read: dict[str, tuple[float, Rows]] = {}


def of_process(pid: int, at: float) -> tuple[tuple[str, ...] | None, int | None]:
    """Return (local addresses it listens on, number of established TCP connections); (None, None) when unreadable.

    ``at``: monotonic seconds.
    """
    ends = reading.descriptors(pid)
    if ends is None:
        return None, None
    own = inodes(ends.values())
    if not own:
        return (), 0
    rows = _shared(pid, at)
    found = [rows[inode] for inode in own if inode in rows]
    return listening(found), sum(row[0] == ESTABLISHED for row in found)


def inodes(targets: Iterable[str]) -> set[bytes]:
    """Return the inodes of the sockets among what descriptors lead to."""
    return {target[8:-1].encode() for target in targets if target.startswith("socket:[")}


def listening(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the local addresses at which a socket listens."""
    return tuple(sorted({local(row) for row in rows if row[0] == LISTEN}))


def local(row: Row) -> str:
    """Return ``127.0.0.1:8080``, or a path."""
    return address(row[1]) if row[2] else os.fsdecode(row[1])


def table(pid: int, most: int = MOST_BYTES) -> Rows:
    """Return every TCP socket of the process's network namespace and every Unix one that listens; ``most`` bytes of
    each.
    """
    rows: Rows = {}
    for name in ("tcp", "tcp6"):
        for line in (reading.read(f"/proc/{pid}/net/{name}", most) or b"").split(b"\n")[1:]:
            fields = line.split()
            if len(fields) >= 10:
                rows[fields[9]] = fields[3], fields[1], fields[2], fields[4]
    for line in (reading.read(f"/proc/{pid}/net/unix", most) or b"").split(b"\n")[1:]:
        fields = line.split()
        if len(fields) >= 8 and int(fields[3], 16) & _ACCEPTS:
            rows[fields[6]] = LISTEN, fields[7], b"", b""
    return rows


def address(field: bytes) -> str:
    """Parse ``0100007F:1F90`` into ``127.0.0.1:8080``; each 32-bit word of the address is in host byte order."""
    import _socket

    raw, _, port = field.partition(b":")
    words = [int(raw[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(raw), 8)]
    data = b"".join(words)
    if len(data) == 16 and data.startswith(bytes(10) + b"\xff\xff"):
        data = data[12:]
    if len(data) == 4:
        host = _socket.inet_ntop(_socket.AF_INET, data)
    else:
        host = f"[{_socket.inet_ntop(_socket.AF_INET6, data)}]"
    return f"{host}:{int(port, 16)}"


def _shared(pid: int, at: float) -> Rows:
    """Return the table, perhaps as it was read for another process of the namespace a moment ago."""
    try:
        namespace = os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        namespace = f"of {pid}"
    for name in [name for name, (then, _) in _read.items() if not 0 <= at - then < FRESH]:
        del _read[name]
    if namespace not in _read:
        _read[namespace] = at, table(pid)
    return _read[namespace][1]
