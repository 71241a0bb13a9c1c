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

    Keep = Callable[[Message, list[int]], bool]

# Datagrams read in one turn of the loop: a worker that sends without pause blocks in its own send, not us.
MOST_A_TURN = 64
# Descriptors of one datagram that are taken over (SCM_MAX_FD, unix(7)); the kernel closes none of them for us.
MOST_DESCRIPTORS = 253
_CREDENTIALS = 12  # bytes of struct ucred: pid, uid, gid, 32 bits each


class NotifyServer:
    """One worker's socket.

    ``uids`` may speak (the worker's user, ours, root), if ``member(pid)`` says that a living sender is a process of
    the worker; one that has ended meanwhile counts as the worker's, since `systemd-notify` is gone by then.
    ``dropped`` counts messages of strangers, ``too_long`` those of more than 4096 bytes.
    """

    def __init__(
        self, socket: _socket.socket, uids: frozenset[int], member: Callable[[int], bool], keep: Keep | None = None
    ) -> None:
        """Take over a bound datagram socket that does not block and has SO_PASSCRED set.

        ``keep`` is given each message that came with descriptors, and returns whether it has taken them over.
        """
        self.dropped = 0
        self.too_long = 0
        self._uids = uids
        self._member = member
        self._keep = keep
        self._socket = socket
        self._open: list[int] = []

    def fileno(self) -> int:
        """Return the descriptor to watch."""
        return self._socket.fileno()

    def read(self) -> list[Message]:
        """Return what the worker has said, in the order of sending, out of at most MOST_A_TURN datagrams.

        :meth:`done` follows when that was acted upon.
        """
        said: list[Message] = []
        for _ in range(MOST_A_TURN):
            if not self._read_one(said):
                break
        return said

    def done(self) -> None:
        """Close the descriptors that came along: whoever sent a BARRIER and waits for the end of its descriptor,
        knows then that all before it was processed.
        """
        while self._open:
            os.close(self._open.pop())

    def close(self) -> None:
        """Forget the socket; what has not been read is lost."""
        self.done()
        self._socket.close()

    def _read_one(self, said: list[Message]) -> bool:
        room = _socket.CMSG_SPACE(_CREDENTIALS) + _socket.CMSG_SPACE(4 * MOST_DESCRIPTORS)
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(notify.MOST_BYTES, room, _socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        except OSError:  # ENOBUFS and the like: this message is lost, the next may be read
            return True
        pid, uid, descriptors = _ancillary(ancillary)
        self._open += descriptors
        if not self._allowed(pid, uid):
            self.dropped += 1
        elif flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
            self.too_long += 1
        else:
            message = notify.parse(data)
            if descriptors and self._keep is not None and self._keep(message, descriptors):
                del self._open[-len(descriptors) :]
            said.append(message)
        return True

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
