"""What the loop tells and asks while it runs: three interfaces that runs/ fills in. The bases do nothing."""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.core.actions import Note
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.process.spawn import Identity


class Observer:
    """Learns what happens, as it happens. A loop has a list of them and calls each in order; none may raise."""

    def started(self, worker: WorkerId, pid: int) -> None:
        """A worker's process was forked."""

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """A worker has ended."""

    def amended(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """The record of a start that was reported before, with what has become of what it had left."""

    def note(self, note: Note) -> None:
        """Core says that something is worth telling."""

    def heard(self, worker: WorkerId, at: float) -> None:
        """The agents of a worker have said something."""

    def changed(self, at: float) -> None:
        """The fleet's state may have changed at ``at`` (monotonic seconds)."""


class Attached(Frozen):
    """What one start of a worker gets.

    ``stdio``: descriptors to become its stdin, stdout and stderr; None: ours. ``additions``: variables on top of its
    environment.
    """

    stdio: tuple[int, int, int] | None = None
    additions: Mapping[str, str] | None = None


class Attachments:
    """Makes what each start of a worker gets, and takes it back. The base gives nothing: all is inherited from us."""

    def attach(self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None) -> Attached:
        """Return what the start that follows gets. Raises OSError when it cannot be made: the start has failed.

        ``whom``: the user it will run as, None for ours.
        """
        del worker, spec, whom
        return Attached()

    def forked(self, worker: WorkerId) -> None:
        """The child has its own copies of the descriptors: those made for it alone may be closed here."""

    def withdraw(self, worker: WorkerId) -> None:
        """There was no fork: what attach() made is not needed."""

    def detach(self, worker: WorkerId) -> None:
        """The main process was reaped: take back what it had."""


class JobControl:
    """What has to be put aside while the supervisor itself is stopped by job control."""

    def suspending(self) -> None:
        """The supervisor is about to stop itself."""

    def resumed(self) -> None:
        """The supervisor has been continued."""
