"""The receiving end of the agent: a listening SEQPACKET socket, all bounds fixed. It decides nothing.

The other end is a process that we did not write. What it can cost us is fixed: connections, messages per
connection, bytes and messages per call of :meth:`Channel.read` (so that a deadline is never late because of it),
and one buffer; what is beyond is counted and dropped. Its pid is the kernel's word (SO_PEERCRED, unix(7)).

`_socket` instead of `socket`: the latter loads enum and selectors (3 ms and 1 MB, benchmarks/imports.py).
"""

from __future__ import annotations

import _socket
import os
import select

from supervisor.agent.wire import MAX_MESSAGE, AgentMessage, decode
from supervisor.system import descriptors
from supervisor.system.peer import Listener
from supervisor.system.proc import processes
from supervisor.system.process import pidfd
from supervisor.system.signals import pidfd_send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from supervisor.system.agent.meeting import Meeting

CONNECTIONS = 4096  # at once, of all workers of one user; each costs a descriptor
LEAST_SHARE = 16  # of one worker; else a quarter of the descriptors that we may have
PER_PROCESS = 8  # of one process; an honest one has one, and for a moment two (a fork that Python did not make)
REFUSALS = 10_000  # refused connections after which nobody is accepted any more
PACKED = 600  # messages of one packet: an honest one has no room for more; what is left of it is refused as one
MESSAGES = 20_000  # of one connection, ever: an honest agent sends tens, in a long and busy shutdown some thousands
BUDGET = 131_072  # bytes decoded in one call: 2 to 4 ms
SHARE = 16  # messages of one connection in a row, before the next has its turn
DUMP_SIZE = 65_536  # bytes read of a dump of stacks; the rest of a longer one is left out
# Ended processes whose parent has not waited for them yet; each costs a descriptor until it does.
UNREAPED = 64


class Peer:
    """One connected process."""

    __slots__ = (
        "born",
        "dump",
        "dump_fd",
        "dump_read",
        "dump_signal",
        "hello",
        "highest",
        "owner",
        "pid",
        "probe",
        "received",
        "rejected",
        "socket",
    )

    def __init__(self, socket: _socket.socket, pid: int) -> None:
        self.socket, self.pid = socket, pid
        self.hello = self.probe = False
        self.received = self.rejected = self.highest = 0
        self.dump: str | None = None
        self.dump_fd = self.dump_read = self.dump_signal = 0
        self.born: int | None = None
        self.owner: Hashable = None


class Channel:
    """Listens where a user's agents meet us. Besides that user only root and ourselves may connect.

    ``rejected`` counts what was not understood by reason (the words of wire.decode), ``refused`` connections
    that were closed at once, ``flooded`` peers that were cut off.
    """

    def __init__(self, meeting: Meeting, whose: Callable[[int], Hashable] = lambda _: None) -> None:
        """Open the channel; ``whose(pid)``: to which worker a process belongs; none gets more than its share of the
        connections.

        Raises OSError when the socket cannot be made. The meeting is closed with the channel.
        """
        self.meeting = meeting
        self._whose = whose
        self._shares: dict[Hashable, int] = {}
        self.rejected: dict[str, int] = {}
        self.refused = self.flooded = 0
        self._uids = {0, os.geteuid(), meeting.uid}
        self._peers: dict[int, Peer] = {}
        self._unreaped: dict[int, int] = {}  # pidfd of who has ended -> pid
        self._by_pid: dict[int, list[Peer]] = {}
        listening = meeting.listen()
        self._epoll = select.epoll(flags=select.EPOLL_CLOEXEC)
        self._epoll.register(listening.fileno(), select.EPOLLIN)
        self._listener = Listener(listening, self._listen)
        self._started = 0.0

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`read` has something to do (an epoll inside of the
        caller's).
        """
        return self._epoll.fileno()

    def live(self, pid: int) -> bool:
        """Return whether an agent is connected that answers the probe signal.

        Only then may SIGURG be sent (Go uses it too).
        """
        return any(peer.hello and peer.probe for peer in self._by_pid.get(pid, ()))

    def pids(self) -> list[int]:
        """Return the processes with a live agent, in the order in which they came."""
        return [pid for pid, peers in self._by_pid.items() if any(peer.hello for peer in peers)]

    def signal(self, pid: int, signal: int) -> bool:
        """Send a signal to the process that connected, and to no other that has its pid by now; whether it was there.

        Who connected may have ended, its socket inherited by a child: the connection alone proves nothing.
        """
        for peer in self._by_pid.get(pid, ()):
            found = _process(peer)
            if found is None:
                continue
            try:
                pidfd_send_signal(found, signal)
                return True
            except (ProcessLookupError, PermissionError):  # gone, or another user's: sudo -E python
                continue
            finally:
                os.close(found)
        return False

    def tell(self, pid: int, word: bytes) -> None:
        """Say a word to the agents of a process, which they read when they are probed."""
        for peer in self._by_pid.get(pid, ()):
            try:
                peer.socket.send(word, _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL)
            except OSError:
                pass  # it has gone, or has not read for long

    def dump_signal(self, pid: int) -> int | None:
        """Return the signal that makes faulthandler write its stacks; None when that could hit another file.

        A program may have closed all descriptors and opened its own under the same number.
        """
        for peer in self._by_pid.get(pid, ()):
            if peer.dump and peer.dump_signal:
                return peer.dump_signal if self.meeting.is_dump(peer.dump, pid, peer.dump_fd) else None
        return None

    def new_dump(self, pid: int, now: float) -> AgentMessage | None:
        """Return what a living process's faulthandler has written since this was asked last, if anything."""
        for peer in self._by_pid.get(pid, ()):
            if peer.dump is not None and (data := self.meeting.read_dump(peer.dump, peer.dump_read, DUMP_SIZE)):
                peer.dump_read += len(data)
                return AgentMessage("dump", now, pid, fields={"text": _printable(data)})
        return None

    def read(self, now: float, budget: int = BUDGET) -> list[AgentMessage]:
        """Return what has come, at most ``budget`` bytes of it; the rest waits in the kernel for the next call.

        ``now``: CLOCK_MONOTONIC seconds. A message from the future, or from before this channel, is marked clamped.
        """
        out: list[AgentMessage] = []
        self._started = self._started or now
        while budget > 0:
            ready = self._epoll.poll(0, 64)
            if not ready:
                break
            for fd, _ in ready:
                if fd == self._listener.socket.fileno():
                    budget -= self._accept()
                elif fd in self._unreaped:
                    budget -= self._reaped(fd, now, out)
                else:
                    budget -= self._receive(self._peers[fd], now, out)
                if budget <= 0:
                    break
        return out

    def close(self) -> None:
        for peer in list(self._peers.values()):
            peer.socket.close()
            if peer.dump is not None:
                self.meeting.take_dump(peer.dump, 0)
        for fd in self._unreaped:
            os.close(fd)
        self._unreaped.clear()
        self._peers.clear()
        self._by_pid.clear()
        self._epoll.close()
        self._listener.close()
        self.meeting.close()

    def _accept(self) -> int:
        """Accept one connection and return what it cost, in bytes of budget."""
        caller = self._listener.accept()
        if caller is None:
            return 1_000
        mates = self._by_pid.get(caller.pid, ())
        owner = self._whose(caller.pid)
        greedy = len(mates) >= PER_PROCESS or self._shares.get(owner, 0) >= max(LEAST_SHARE, descriptors.most() // 4)
        if len(self._peers) >= CONNECTIONS or greedy or caller.uid not in self._uids:
            caller.socket.close()
            self._listener.released()
            self.refused += 1
            if self.refused >= REFUSALS:
                self._listen(False)
            return 1_000
        fd = caller.socket.fileno()
        peer = self._peers[fd] = Peer(caller.socket, caller.pid)
        peer.owner = owner
        self._shares[owner] = self._shares.get(owner, 0) + 1
        self._by_pid.setdefault(caller.pid, []).append(peer)
        held = pidfd.of_peer(caller.socket)
        if held is not None:
            os.close(held)
        else:  # before Linux 6.5
            found = processes.stat(caller.pid)
            peer.born = found.born if found is not None else 0
        self._epoll.register(fd, select.EPOLLIN)
        return 1_000

    def _listen(self, on: bool) -> None:
        if not (on and self.refused >= REFUSALS):
            self._epoll.modify(self._listener.socket.fileno(), select.EPOLLIN if on else 0)

    def _receive(self, peer: Peer, now: float, out: list[AgentMessage]) -> int:
        used = 0
        for _ in range(SHARE):
            try:
                raw = peer.socket.recv(MAX_MESSAGE + 1)
            except BlockingIOError:
                break
            except OSError:
                raw = b""
            if not raw:
                out.extend(self._gone(peer, now))
                break
            used += len(raw)
            for one in raw.split(b"\n", PACKED):
                used += 500  # what the smallest message costs besides its bytes
                self._understand(peer, one, now, out)
            if peer.received > MESSAGES:
                self.flooded += 1
                out.extend(self._gone(peer, now))
                break
        return used

    def _understand(self, peer: Peer, raw: bytes, now: float, out: list[AgentMessage]) -> None:
        peer.received += 1
        message = decode(raw) if peer.received <= MESSAGES else "flood"
        if isinstance(message, str):
            peer.rejected += 1
            self.rejected[message] = self.rejected.get(message, 0) + 1
        else:
            out.append(self._believe(peer, message, now))

    def _believe(self, peer: Peer, message: AgentMessage, now: float) -> AgentMessage:
        """Return the message with the kernel's pid and a time that is possible."""
        peer.highest = max(peer.highest, message.seq)
        fields = message.fields
        if message.event == "hello":
            peer.hello, peer.probe = True, fields["probe"] is True
            name = fields["dump"]
            if name and name.startswith("dump-") and name[5:].isdecimal():
                peer.dump, peer.dump_fd = name, fields["dump_fd"] or -1
                signal = fields["dump_signal"] or 0
                peer.dump_signal = signal if 34 <= signal <= 64 else 0
        elif message.event == "probe":
            peer.probe = fields["probe"] is True
        at = min(max(message.at, self._started - 60.0), now)
        return AgentMessage(
            message.event, at, peer.pid, message.seq, message.dropped, fields, clamped=at != message.at
        )

    def _gone(self, peer: Peer, now: float) -> Iterator[AgentMessage]:
        fd = peer.socket.fileno()
        self._epoll.unregister(fd)
        held = pidfd.of_peer(peer.socket)
        peer.socket.close()
        del self._peers[fd]
        self._shares[peer.owner] -= 1
        if not self._shares[peer.owner]:
            del self._shares[peer.owner]
        self._by_pid[peer.pid].remove(peer)
        if not self._by_pid[peer.pid]:
            del self._by_pid[peer.pid]
        self._listener.released()
        if peer.dump is not None and (data := self.meeting.take_dump(peer.dump, DUMP_SIZE, peer.dump_read)):
            yield AgentMessage("dump", now, peer.pid, fields={"text": _printable(data)})
        lost = max(0, min(peer.highest, 1 << 31) - peer.received + peer.rejected)
        yield AgentMessage("eof", now, peer.pid, fields={"rejected": peer.rejected, "lost": lost})
        if held is not None and peer.pid not in self._by_pid:
            yield from self._ended(held, peer.pid, now)
        elif held is not None:
            os.close(held)

    def _ended(self, held: int, pid: int, now: float) -> Iterator[AgentMessage]:
        """Tell how a process ended, now or once its parent has waited for it: the kernel knows no sooner."""
        found = pidfd.exit_status(held)
        if found is None and len(self._unreaped) < UNREAPED and descriptors.enough():
            # In the lowest number that is free: the one of the connection that was closed, and none of the last ones.
            held, high = os.dup(held), held
            os.close(high)
            self._unreaped[held] = pid
            self._epoll.register(held, 0)  # EPOLLHUP is always told: it has been waited for (pidfd_open(2))
            return
        os.close(held)
        if found is not None:
            yield AgentMessage("ended", now, pid, fields={"code": found.code, "signal": found.signal})

    def _reaped(self, held: int, now: float, out: list[AgentMessage]) -> int:
        pid = self._unreaped.pop(held)
        self._epoll.unregister(held)
        found = pidfd.exit_status(held)
        os.close(held)
        if found is not None:
            out.append(AgentMessage("ended", now, pid, fields={"code": found.code, "signal": found.signal}))
        return 500


def _process(peer: Peer) -> int | None:
    """Return a new pidfd of the process that connected; None when it has ended."""
    if peer.born is None:
        return pidfd.of_peer(peer.socket)
    try:
        held = os.pidfd_open(peer.pid)
    except OSError:
        return None
    found = processes.stat(peer.pid)  # the descriptor holds the process: whose start it is cannot change any more
    if found is not None and found.born == peer.born:
        return held
    os.close(held)
    return None


def _printable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)
