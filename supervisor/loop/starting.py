"""Starts workers: what a start gets is attached, its process forked, and whoever has to look after it is told.

Imported with the first start of a fleet: the command of `run` is forked before there is a loop.
"""

from __future__ import annotations

import errno
import os
from time import monotonic

from supervisor.core import events
from supervisor.errors import SupervisorError
from supervisor.system import descriptors
from supervisor.system.process import spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.core.worker.life import Life
    from supervisor.loop.observer import Attachments
    from supervisor.system.signals import Inherited
    from supervisor.system.terminal import Terminal

# Processes forked in a row before anything else is done. Each holds up to six more descriptors until then.
SPAWNS_IN_A_ROW = 50
# Descriptors of one start: its status pipe, the pipes of its output, its pidfd.
A_START = 7


class Starter:
    """Starts any number of workers at once; what came of each is an event."""

    def __init__(
        self,
        inherited: Inherited,
        attachments: Attachments,
        tty: Terminal | None,
        watch: Callable[[WorkerId, WorkerSpec, spawn.Child], events.Event],
        *,
        alone: bool,
    ) -> None:
        """Start none yet. ``watch`` looks after a process that has just been forked, and returns the event of it;
        ``alone``: there is one worker, which gets the sockets that systemd has passed to us.
        """
        self._inherited = inherited
        self._attachments = attachments
        self._tty = tty
        self._watch = watch
        self._alone = alone

    def start(self, workers: list[WorkerId], lives: Mapping[WorkerId, Life]) -> list[events.Event]:
        """Prepare many starts, fork in a row, then watch: after a fork each page that we write to is copied first."""
        answers: list[events.Event] = []
        row: list[tuple[WorkerId, spawn.Launch]] = []
        waiting = workers
        while waiting:
            worker = waiting[0]
            try:
                row.append((worker, self._launch(worker, lives[worker].spec)))
            except SupervisorError as error:
                answers.append(self._not_started(worker, "user", errno.ENOENT, error.message))
            except OSError as error:
                if row and error.errno in (errno.EMFILE, errno.ENFILE):
                    self._attachments.withdraw(worker)
                    answers += self._fork(row, lives)  # gives back half of the descriptors; then once more
                    row = []
                    continue
                answers.append(self._not_started(worker, "fork", error.errno or 0))
            waiting = waiting[1:]
            if len(row) == SPAWNS_IN_A_ROW:
                answers += self._fork(row, lives)
                row = []
        return answers + self._fork(row, lives)

    def _launch(self, worker: WorkerId, spec: WorkerSpec) -> spawn.Launch:
        if not descriptors.enough(A_START):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        whom = _whom(spec)
        attached = self._attachments.attach(worker, spec, whom)
        return spawn.Launch(
            spec.exec,
            self._inherited,
            identity=whom,
            terminal=self._tty,
            stdio=attached.stdio,
            additions=attached.additions,
            sockets=self._alone,
            descriptors=attached.descriptors,
        )

    def _fork(self, row: list[tuple[WorkerId, spawn.Launch]], lives: Mapping[WorkerId, Life]) -> list[events.Event]:
        for _, launch in row:
            launch.fork()
        answers: list[events.Event] = []
        for worker, launch in row:
            try:
                child = launch.child()
            except OSError as error:
                answers.append(self._not_started(worker, "fork", error.errno or 0))
            else:
                answers.append(self._watch(worker, lives[worker].spec, child))
        return answers

    def _not_started(self, worker: WorkerId, stage: str, number: int, detail: str = "") -> events.Event:
        self._attachments.withdraw(worker)
        return events.StartFailed(monotonic(), worker, stage, number, detail)


def _whom(spec: WorkerSpec) -> spawn.Identity | None:
    """Return whom the worker shall run as, None for our own user. Raises identity.Unknown."""
    if spec.exec.user is None and spec.exec.group is None:
        return None
    from supervisor.system.process import identity

    return identity.of(spec.exec)
