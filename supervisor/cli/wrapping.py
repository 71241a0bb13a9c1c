"""What `run` says while and after it runs: notes at once, the report at the end, nothing without a reason."""

from __future__ import annotations

from supervisor.loop import Listener
from supervisor.system import stdio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.cli.plan import RunPlan
    from supervisor.core.actions import Note
    from supervisor.core.record import Shutdown


class Wrapping(Listener):
    """The listener of `run`."""

    def __init__(self, plan: RunPlan) -> None:
        self._plan = plan
        self._ended: Shutdown | None = None

    def report(self, shutdown: Shutdown) -> None:
        """Keep it for the end."""
        self._ended = shutdown

    def note(self, note: Note) -> None:
        """Say it on stderr, which is the command's too."""
        if self._plan.quiet or (note.verbose and not self._plan.verbose):
            return
        stdio.say(f"supervisor: {note.text}\n")

    def finish(self) -> None:
        """Nothing after a clean end in good time, unless asked; so the modules for it are imported only here."""
        ended, plan = self._ended, self._plan
        if ended is None:
            return
        from supervisor.core.verdict import worth_telling

        if plan.reports or plan.json or plan.verbose or (not plan.quiet and worth_telling(ended)):
            from supervisor.cli.telling import tell
            from supervisor.system.origin import origin

            tell(plan, ended, origin())
