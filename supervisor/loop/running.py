"""The main processes that we started and have not let go of: one object each, and the table of them all."""

from __future__ import annotations

import os

from supervisor.system.proc import reading
from supervisor.system.process import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.poller import Poller


class Running:
    """A worker's main process, alive or a zombie that is kept until its group has gone.

    ``status_fd`` is the pipe over which a failed exec is told, -1 once that is known; ``ended`` whether core has been
    told of its end; ``members`` the pidfds by which its other processes are watched where we are no subreaper;
    ``masks`` the file that tells its signal masks, where it is kept open.
    """

    __slots__ = ("child", "ended", "masks", "members", "spec", "status_fd", "worker")

    def __init__(self, worker: WorkerId, spec: WorkerSpec, child: spawn.Child) -> None:
        self.worker = worker
        self.spec = spec
        self.child = child
        self.status_fd = child.status_fd
        self.ended = False
        self.members: set[int] = set()
        self.masks: reading.Kept | None = None

    @property
    def group(self) -> int:
        """Return the process group that the main process is in: one of its own, or ours (part of a pipeline)."""
        return self.child.pid if self.spec.exec.own_group else os.getpgrp()

    def take_status(self, poller: Poller) -> tuple[str, int, str] | None:
        """Return why exec has failed, None when it has worked. To be asked once, while ``status_fd`` is open."""
        failure = spawn.read_status(self.status_fd)
        poller.unwatch(self.status_fd)
        os.close(self.status_fd)
        self.status_fd = -1
        return failure

    def keep_masks(self) -> None:
        """Open the file that tells its signal masks now, so that its stop is quicker; one more descriptor."""
        self.masks = self.masks or reading.Kept(f"/proc/{self.child.pid}/status")

    def close(self, poller: Poller) -> None:
        """Give back all descriptors, also that of the process itself."""
        self.forget_members(poller)
        if self.masks is not None:
            self.masks.close()
        os.close(self.child.pidfd)

    def forget_members(self, poller: Poller) -> None:
        """Watch none of its other processes any more."""
        for fd in self.members:
            poller.unwatch(fd)
            os.close(fd)
        self.members.clear()


class Table:
    """All running workers, by id, pid and pidfd.

    ``kept`` are children of ours that somebody else waits for: the dashboard, commands that check a worker.
    """

    def __init__(self) -> None:
        self._by_worker: dict[WorkerId, Running] = {}
        self._by_pid: dict[int, Running] = {}
        self._by_pidfd: dict[int, Running] = {}
        self.kept: set[int] = set()

    def __iter__(self) -> Iterator[Running]:
        return iter(list(self._by_worker.values()))

    def __contains__(self, worker: WorkerId) -> bool:
        return worker in self._by_worker

    def __getitem__(self, worker: WorkerId) -> Running:
        return self._by_worker[worker]

    @property
    def apart(self) -> Collection[int]:
        """Return the pids of our children that are nothing that a worker has left: main processes, and ``kept``."""
        return {*self._by_pid, *self.kept} if self.kept else self._by_pid

    def of(self, pid: int) -> Running | None:
        """Return the worker whose main process has this pid."""
        return self._by_pid.get(pid)

    def of_pidfd(self, pidfd: int) -> Running:
        """Return the worker whose main process this descriptor stands for."""
        return self._by_pidfd[pidfd]

    def claimed(self, pid: int) -> bool:
        """Return whether a dead child is no orphan to be reaped: a main process, or one that another part waits
        for.
        """
        return pid in self._by_pid or pid in self.kept

    def add(self, running: Running) -> None:
        """Add a process that has been forked."""
        self._by_worker[running.worker] = running
        self._by_pid[running.child.pid] = running
        self._by_pidfd[running.child.pidfd] = running

    def remove(self, worker: WorkerId) -> Running:
        """Remove a worker whose zombie is about to be reaped."""
        running = self._by_worker.pop(worker)
        del self._by_pid[running.child.pid], self._by_pidfd[running.child.pidfd]
        return running
