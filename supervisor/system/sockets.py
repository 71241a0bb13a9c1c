"""The sockets a process holds: where it listens and how many connections it has (/proc/pid/fd, /proc/pid/net)."""

from __future__ import annotations

import os

from supervisor.system import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    # inode -> (state, local address)
    _Rows: TypeAlias = dict[bytes, tuple[bytes, str]]

_ESTABLISHED, _LISTEN = b"01", b"0A"  # include/net/tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON in /proc/net/unix
_MOST_BYTES = 1 << 20


# The kernel walks its whole table of connections for each read, some milliseconds however few there are. All workers
# of a fleet that stop together are looked at in one turn of the loop: they share what was read, so many seconds.
FRESH = 0.05

_read: dict[str, tuple[float, _Rows]] = {}


def of_process(pid: int, at: float) -> tuple[tuple[str, ...] | None, int | None]:
    """(local addresses it listens on, number of established TCP connections); (None, None) when unreadable.

    ``at``: monotonic seconds. Tables are read up to 1 MiB (some 6 000 sockets of the network namespace) and the
    first 4 096 descriptors.
    """
    inodes = _inodes(pid)
    if inodes is None:
        return None, None
    if not inodes:
        return (), 0
    rows = _rows(pid, at)
    own = [rows[inode] for inode in inodes if inode in rows]
    listening = {address for state, address in own if state == _LISTEN}
    return tuple(sorted(listening)), sum(state == _ESTABLISHED for state, _ in own)


def _rows(pid: int, at: float) -> _Rows:
    """inode -> (state, local address) of what listens or is established in the process's network namespace."""
    try:
        namespace = os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        namespace = f"of {pid}"
    for name in [name for name, (then, _) in _read.items() if not 0 <= at - then < FRESH]:
        del _read[name]
    if namespace not in _read:
        _read[namespace] = at, _table(pid)
    return _read[namespace][1]


def _table(pid: int) -> _Rows:
    rows: _Rows = {}
    for table, width in (("tcp", 8), ("tcp6", 32)):
        for line in (procfs.read(f"/proc/{pid}/net/{table}", _MOST_BYTES) or b"").split(b"\n")[1:]:
            fields = line.split()
            if len(fields) >= 10 and fields[3] in (_LISTEN, _ESTABLISHED):
                rows[fields[9]] = fields[3], _address(fields[1], width) if fields[3] == _LISTEN else ""
    for line in (procfs.read(f"/proc/{pid}/net/unix", _MOST_BYTES) or b"").split(b"\n")[1:]:
        fields = line.split()
        if len(fields) >= 8 and int(fields[3], 16) & _ACCEPTS:
            rows[fields[6]] = _LISTEN, os.fsdecode(fields[7])
    return rows


def _inodes(pid: int) -> set[bytes] | None:
    try:
        names = os.listdir(f"/proc/{pid}/fd")[: procfs.MOST_FDS]
    except OSError:
        return None
    found: set[bytes] = set()
    for name in names:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1].encode())
    return found


def _address(field: bytes, width: int) -> str:
    """``0100007F:1F90`` -> ``127.0.0.1:8080``; each 32-bit word of the address is in host byte order."""
    raw, port = field.split(b":")
    words = [bytes.fromhex(raw[at : at + 8].decode())[::-1] for at in range(0, width, 8)]
    data = b"".join(words)
    if width == 8:
        host = ".".join(str(byte) for byte in data)
    elif not any(data):
        host = "[::]"
    elif data == bytes(15) + b"\1":
        host = "[::1]"
    else:
        host = "[" + ":".join(data[at : at + 2].hex().lstrip("0") or "0" for at in range(0, 16, 2)) + "]"
    return f"{host}:{int(port, 16)}"
