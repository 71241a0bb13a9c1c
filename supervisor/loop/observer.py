"""What the loop tells and asks while it runs: three interfaces that runs/ fills in. The bases do nothing."""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisor.core.actions import Note
    from supervisor.core.events import Event
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.system.process.spawn import Identity


class Observer:
    """Learns what happens, as it happens. A loop has a list of them and calls each in order; none may raise."""

    def started(self, worker: WorkerId, pid: int) -> None:
        """Hear that a worker's process was forked."""

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Hear that a worker has ended."""

    def amended(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Hear the record of a start that was reported before, with what has become of what it had left."""

    def note(self, note: Note) -> None:
        """Hear what core says is worth telling."""

    def heard(self, worker: WorkerId, at: float) -> None:
        """Hear that the agents of a worker have said something."""

    def changed(self, at: float) -> None:
        """Hear that the fleet's state may have changed at ``at`` (monotonic seconds)."""


class Attached(Frozen):
    """What one start of a worker gets.

    ``stdio``: descriptors to become its stdin, stdout and stderr; None: ours. ``additions``: variables on top of its
    environment. ``descriptors``: further ones of ours, each with the number that it has in the child.
    """

    stdio: tuple[int, int, int] | None = None
    additions: Mapping[str, str] = {}
    descriptors: tuple[tuple[int, int], ...] = ()


class Attachments:
    """Makes what each start of a worker gets, and takes it back. The base gives nothing: all is inherited from us."""

    def attach(self, worker: WorkerId, spec: WorkerSpec, whom: Identity | None) -> Attached:
        """Return what the start that follows gets. Raises OSError when it cannot be made: the start has failed.

        ``whom``: the user it will run as, None for ours.
        """
        del worker, spec, whom
        return Attached()

    def last_words(self, worker: WorkerId, at: float) -> Sequence[Event]:
        """Return what the worker has said and nobody has read yet: its main process has ended, seen at ``at``."""
        del worker, at
        return ()

    def forked(self, worker: WorkerId) -> None:
        """Close what was made for the child alone: the child has its own copies of the descriptors."""

    def withdraw(self, worker: WorkerId) -> None:
        """Take back what attach() made, because there was no fork."""

    def detach(self, worker: WorkerId) -> None:
        """Take back what the main process had, because it was reaped."""


class JobControl:
    """What has to be put aside while the supervisor itself is stopped by job control."""

    def suspending(self) -> None:
        """Prepare for the supervisor's own stop."""

    def resumed(self) -> None:
        """Go on after the supervisor has been continued."""
