"""The sending end of sd_notify(3): our own messages to the service manager named by ``$NOTIFY_SOCKET``."""

from __future__ import annotations

import _socket
import errno
import os

from supervisor.system.poller import WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from supervisor.system.poller import Poller

VARIABLE = "NOTIFY_SOCKET"
LONGEST_PATH = 107  # bytes of sun_path without its final NUL (unix(7))
# The manager's queue is full (net.unix.max_dgram_qlen): the message waits until the manager reads.
_FULL = (errno.EAGAIN, errno.ENOBUFS, errno.ETOOMANYREFS)


class Unreachable(Exception):
    """Nobody can be told there; the text says why, as in ``NOTIFY_SOCKET=/x: No such file or directory``."""


class NotifyClient:
    """Our line to the manager. Never blocks; a message that does not go out at once goes when the manager reads."""

    def __init__(self, address: str, poller: Poller) -> None:
        """Connect to ``address``: a path, ``@abstract``, or ``vsock:CID:PORT``. Raises Unreachable."""
        self.address = address
        self._poller = poller
        self._waiting: dict[str, tuple[bytes, tuple[int, ...]]] = {}
        self._socket = _connected(address)

    def send(self, kind: str, lines: Iterable[str], descriptors: Sequence[int] = ()) -> bool:
        """Send one datagram of ``lines``; False when the manager has gone.

        While an earlier message waits, this one waits too, in place of an older one of the same ``kind``.
        ``descriptors`` are duplicated while the message waits; the caller keeps its own.
        """
        data = "\n".join(lines).encode(errors="replace")
        if not self._waiting:
            failed = self._try(data, descriptors)
            if failed is None:
                return True
            if failed not in _FULL:
                return False
            self._poller.watch(self._socket.fileno(), lambda *_: self._flush(), events=WRITE)
        for fd in self._waiting.pop(kind, (b"", ()))[1]:
            os.close(fd)
        self._waiting[kind] = data, tuple(os.dup(fd) for fd in descriptors)
        return True

    def close(self) -> None:
        """Send what waits if the manager reads now, and hang up."""
        self._flush()
        self._poller.unwatch(self._socket.fileno())
        self._socket.close()

    def _flush(self) -> None:
        for kind, (data, descriptors) in list(self._waiting.items()):
            failed = self._try(data, descriptors)
            if failed in _FULL:
                return
            for fd in descriptors:
                os.close(fd)
            del self._waiting[kind]
        self._poller.unwatch(self._socket.fileno())

    def _try(self, data: bytes, descriptors: Sequence[int]) -> int | None:
        """Send; errno when it failed."""
        ancillary = []
        if descriptors:
            packed = b"".join(fd.to_bytes(4, "little") for fd in descriptors)
            ancillary.append((_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed))
        try:
            self._socket.sendmsg([data], ancillary, _socket.MSG_NOSIGNAL)
        except OSError as error:
            return error.errno or errno.EIO
        return None


def _connected(address: str) -> _socket.socket:
    try:
        if address.startswith("vsock:"):
            return _vsock(address)
        if address[:1] not in ("/", "@"):
            raise Unreachable(f"{VARIABLE}={address}: neither a path nor @NAME nor vsock:CID:PORT")
        if len(os.fsencode(address)) > LONGEST_PATH:
            raise Unreachable(f"{VARIABLE}={address}: longer than {LONGEST_PATH} bytes")
        made = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
        try:
            made.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError:
            made.close()
            raise
        return made
    except OSError as error:
        raise Unreachable(f"{VARIABLE}={address}: {error.strerror}") from None


def _vsock(address: str) -> _socket.socket:
    """Open a virtual machine's line to its host (vsock(7)); its managers speak sequential packets (sd_notify(3),
    v254).
    """
    cid, _, port = address.removeprefix("vsock:").partition(":")
    if not (cid.isascii() and cid.isdecimal() and port.isascii() and port.isdecimal() and len(cid + port) <= 20):
        raise Unreachable(f"{VARIABLE}={address}: expected vsock:CID:PORT with two numbers")
    made = _socket.socket(_socket.AF_VSOCK, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    try:
        made.connect((int(cid), int(port)))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def watchdog(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the seconds in which the manager wants a sign of life of us, None for no watchdog.

    As sd_watchdog_enabled(3): WATCHDOG_PID, where it is set, names the process that is meant.
    """
    text = environ.get("WATCHDOG_USEC", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        return None
    return int(text) / 1e6 if int(text) and environ.get("WATCHDOG_PID", str(pid)) == str(pid) else None
