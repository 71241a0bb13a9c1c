"""The sockets a process holds: where it listens and how many connections it has (/proc/pid/fd, /proc/pid/net)."""

from __future__ import annotations

import os

from supervisor.system import procfs

_ESTABLISHED, _LISTEN = b"01", b"0A"  # include/net/tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON in /proc/net/unix
_MOST_BYTES = 1 << 20


def of_process(pid: int) -> tuple[tuple[str, ...] | None, int | None]:
    """(local addresses it listens on, number of established TCP connections); (None, None) when unreadable.

    Tables are read up to 1 MiB (some 6 000 sockets of the network namespace) and the first 4 096 descriptors.
    """
    inodes = _inodes(pid)
    if inodes is None:
        return None, None
    if not inodes:
        return (), 0
    listening: list[str] = []
    connections = 0
    for table, width in (("tcp", 8), ("tcp6", 32)):
        for line in (procfs.read(f"/proc/{pid}/net/{table}", _MOST_BYTES) or b"").split(b"\n")[1:]:
            fields = line.split()
            if len(fields) < 10 or fields[9] not in inodes:
                continue
            if fields[3] == _LISTEN:
                listening.append(_address(fields[1], width))
            elif fields[3] == _ESTABLISHED:
                connections += 1
    for line in (procfs.read(f"/proc/{pid}/net/unix", _MOST_BYTES) or b"").split(b"\n")[1:]:
        fields = line.split()
        if len(fields) >= 8 and fields[6] in inodes and int(fields[3], 16) & _ACCEPTS:
            listening.append(os.fsdecode(fields[7]))
    return tuple(sorted(set(listening))), connections


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
