"""The receiving end of sd_notify(3): a private datagram socket for one worker. Decides nothing.

Who sent a datagram is told by the kernel (SO_PASSCRED, unix(7)): nobody can speak for a worker whose process he is
not, although whoever may write to the socket's file can send something.
"""

from __future__ import annotations

import _socket
import array
import os

from supervisor.core import notify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.notify import Message
    from supervisor.system.poller import Poller

    Heard = Callable[[Message, float], None]

# Datagrams read in one turn of the loop: a worker that sends without pause blocks in its own send, not us.
MOST_A_TURN = 64
# Descriptors of one datagram that are taken over (SCM_MAX_FD, unix(7)); the kernel closes none of them for us.
MOST_DESCRIPTORS = 253
_CREDENTIALS = 12  # bytes of struct ucred: pid, uid, gid, 32 bits each


class NotifyServer:
    """One worker's socket. ``heard(message, at)`` is called for each message of the worker, in the order of sending.

    ``uids`` may speak (the worker's user, ours, root), if ``member(pid)`` says that a living sender is a process of
    the worker; one that has ended meanwhile counts as the worker's, since `systemd-notify` is gone by then.
    ``dropped`` counts messages of strangers, ``too_long`` those of more than 4096 bytes.
    """

    def __init__(
        self,
        path: str,
        uids: frozenset[int],
        member: Callable[[int], bool],
        heard: Heard,
        keep: Callable[[Message, list[int]], None] | None = None,
    ) -> None:
        """Bind the socket at ``path``, in a folder that only the worker's user and we can enter.

        ``keep`` is given the descriptors that came with FDSTORE=1, and owns them then; without it they are closed.
        Raises OSError when the socket cannot be made.
        """
        self.path = path
        self.dropped = 0
        self.too_long = 0
        self._uids = uids
        self._member = member
        self._heard = heard
        self._keep = keep
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        self._socket = _socket.socket(_socket.AF_UNIX, kind)
        try:
            self._socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
            self._socket.bind(path)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    def watch(self, poller: Poller) -> None:
        """Have messages read as they come."""
        poller.watch(self.fileno(), self._readable)

    def _readable(self, at: float, _events: int) -> None:
        self.read(at)

    def read(self, at: float) -> int:
        """Read what is there, at most MOST_A_TURN datagrams; how many were read. ``at``: monotonic seconds."""
        for count in range(MOST_A_TURN):
            if not self._read_one(at):
                return count
        return MOST_A_TURN

    def close(self, poller: Poller, at: float) -> None:
        """Read what the worker said last, then forget the socket and its file."""
        self.read(at)
        poller.unwatch(self.fileno())
        self._socket.close()
        try:
            os.unlink(self.path)
        except OSError:  # the folder has gone: nothing is left to remove
            pass

    def _read_one(self, at: float) -> bool:
        room = _socket.CMSG_SPACE(_CREDENTIALS) + _socket.CMSG_SPACE(4 * MOST_DESCRIPTORS)
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(notify.MOST_BYTES, room, _socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        except OSError:  # ENOBUFS and the like: this message is lost, the next may be read
            return True
        pid, uid, descriptors = _ancillary(ancillary)
        try:
            if not self._allowed(pid, uid):
                self.dropped += 1
            elif flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
                self.too_long += 1
            else:
                self._take(notify.parse(data), descriptors, at)
        finally:
            # Also the one of a BARRIER: whoever waits for its end knows then that all before it was processed.
            for fd in descriptors:
                os.close(fd)
        return True

    def _take(self, message: Message, descriptors: list[int], at: float) -> None:
        if message.store_descriptors and descriptors and self._keep is not None:
            self._keep(message, descriptors[:])
            descriptors.clear()
        self._heard(message, at)

    def _allowed(self, pid: int, uid: int) -> bool:
        if uid not in self._uids:
            return False
        # pid 0: a process outside our PID namespace; the kernel vouches for its user alone.
        return pid == 0 or not os.path.exists(f"/proc/{pid}") or self._member(pid)


def _ancillary(parts: list[tuple[int, int, bytes]]) -> tuple[int, int, list[int]]:
    """Return (pid, uid, descriptors) of one datagram; uid -1 when the kernel gave no credentials."""
    pid, uid, descriptors = 0, -1, array.array("i")
    for level, kind, data in parts:
        if level != _socket.SOL_SOCKET:
            continue
        if kind == _socket.SCM_CREDENTIALS and len(data) == _CREDENTIALS:
            pid, uid, _ = array.array("i", data)
        elif kind == _socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % 4])
    return pid, uid, list(descriptors)
