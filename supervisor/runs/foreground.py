"""`up`: one run of a fleet in the foreground, from its lock to its told end."""

from __future__ import annotations

import os
import time

from supervisor.loop.loop import Loop
from supervisor.loop.observer import JobControl, Observer
from supervisor.runs import ahead, assembly
from supervisor.runs.attachments import Piped
from supervisor.runs.desk import Desk, Published
from supervisor.runs.rehearsal import rehearse
from supervisor.runs.run import Run
from supervisor.runs.startup import Startup
from supervisor.runs.streams import Streams
from supervisor.system import terminal
from supervisor.system.control.place import Folder
from supervisor.system.control.server import Control
from supervisor.system.output.patience import Patience
from supervisor.system.poller import Poller
from supervisor.system.process import startfail
from supervisor.system.viewer import Viewer
from supervisor.views import fleet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisor.core.actions import Note
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId
    from supervisor.runs.assembly import Ground
    from supervisor.runs.looking import Looking
    from supervisor.runs.manager import Notifier
    from supervisor.runs.plan import UpPlan

# Descriptors: as `run` needs, and lock, control socket and a client, our outputs, the pipes of a worker.
ROOM = 25


def up(plan: UpPlan, before: Callable[[Loop, float], object] | None = None) -> int:
    """Run the fleet until it is over; the exit code. Raises ControlError when it already runs.

    ``before`` is called with the loop and the instant when it is about to begin.
    """
    assembly.keep_sockets(os.environ)
    ground = assembly.prepare(ROOM, subreaper=True, init=os.getpid() == 1)
    folder: Folder | OSError | None = None
    try:
        if plan.fleet.control == "auto":
            folder = Folder(plan.fleet.name or "fleet", plan.config, os.environ)
    except OSError as error:
        folder = error
    try:
        foreground = Foreground(plan, folder, ground)
        if before is not None:
            before(foreground.loop, time.monotonic())
        return foreground.run()
    finally:
        if isinstance(folder, Folder):
            folder.close()


class Foreground:
    """The parts of one run of `up`, joined."""

    def __init__(self, plan: UpPlan, folder: Folder | OSError | None, ground: Ground) -> None:
        """Prepare the run; ``folder``: where the control socket is to be, or why there can be none; None when none is
        wanted.
        """
        poller = Poller()
        self._plan = plan
        self._streams = streams = Streams(plan, poller)
        self._say = _nothing if plan.voice.quiet else streams.say
        self._run = Run(ground, plan.fleet, poller, lambda *channels: Piped(streams, *channels), self._say)
        self.loop = self._run.loop
        self.loop.sources.append(streams.output)
        self._teller = Teller(plan, self.loop, streams, self._run.looking)
        self.loop.observers.append(self._teller)
        if not plan.voice.quiet:
            self.loop.observers.append(Startup(self.loop, streams.say, always=plan.voice.verbose))
        self._manager: Notifier | None = None
        self._control: Control | None = None
        self._dashboard: Dashboard | None = None
        try:
            if isinstance(folder, OSError):
                raise folder
            if folder is not None:
                self._publish(poller, folder)
        except OSError as error:
            if not plan.voice.quiet:
                self._streams.say(fleet.unreachable(error))

    def _publish(self, poller: Poller, folder: Folder) -> None:
        """Open the control socket, and with it the way to a dashboard. Raises OSError."""
        desk = Desk(self.loop)
        self._control = Control(poller, folder.listen(), desk, self._streams.recent)
        self._streams.tell(self._control)
        viewer = Viewer(poller, self.loop.running.kept, folder.socket)
        self._dashboard = Dashboard(
            self._streams, self._control, viewer, wanted=self._plan.dashboard, option=self._plan.option
        )
        self.loop.jobs.append(self._dashboard)
        self.loop.sources.append(self._control)
        self.loop.observers.append(Published(desk, self._control))

    def _inform_the_manager(self) -> None:
        """Tell a service manager over us how it stands."""
        from supervisor.runs.manager import attach

        self._manager = attach(self.loop, self._plan.extends, self._say, time.monotonic())

    def run(self) -> int:
        """Start everything, wait until it is over, report; the exit code."""
        if os.environ.get("NOTIFY_SOCKET"):
            self._inform_the_manager()
        if self._dashboard is not None:
            self._dashboard.resumed()
        try:
            self.loop.sources.append(assembly.Quiet(time.monotonic(), self._prepare))
            self._run.go()
        except BaseException:
            self._leave()
            self._streams.finish(Patience())
            raise
        self._leave()
        self._tell()
        if self._manager is not None:
            self._manager.close()
        return self._code

    @property
    def _code(self) -> int:
        """Return our exit code as things stand."""
        ending = self.loop.fleet.ending
        return (ending.code or 0) if ending.signal is None else 128 + ending.signal

    def _leave(self) -> None:
        """Close what others watch, because the fleet is over."""
        if self._control is not None:
            self._control.over(self._code)
        if self._dashboard is not None:
            self._dashboard.over()
        self._run.agents.close()
        self._run.hearing.close()

    def _tell(self) -> None:
        """Report files first, which no reader can hold up; then what the workers wrote last, then the text."""
        ends = self._run.evidence.told(self._plan.voice, kept=self._plan.keeping.wanted)
        patience = self.loop.patience()
        self._run.evidence.record(self._plan.voice, ends, patience, self._plan.fleet.name)
        self._streams.finish(patience)
        try:
            from supervisor.runs.telling import tell_fleet

            tell_fleet(self._plan, self.loop.fleet, ends, self._run.evidence.forgotten, patience)
        except (ImportError, OSError) as error:
            self._run.evidence.plainly(error, every=not self._plan.voice.quiet)
        if self._plan.keeping.wanted:
            try:
                from supervisor.runs.history import keep
            except (ImportError, OSError):  # no descriptor is left to import with: the end was told
                return
            keep(self._plan.keeping, ends, "up", self._plan.voice, patience, self._plan.fleet.name)

    def _prepare(self, at: float) -> None:
        """Do what can wait for a quiet moment."""
        if "SYSTEMD_EXEC_PID" in os.environ:
            from supervisor.runs import unit

            unit.ask(self.loop, self._manager is not None and self._plan.extends, self._teller.note, at)
        ahead.imported(ahead.STOPPING)
        rehearse(self.loop, at)
        self._run.agents.sweep()
        if not self._plan.voice.quiet or self._plan.voice.keeps_record:
            self.loop.sources.append(
                ahead.Ahead(self.loop, at, records=self._plan.voice.keeps_record, keeps=self._plan.keeping.wanted)
            )


def _nothing(_text: str) -> None:
    """Say nothing."""


class Teller(Observer):
    """Says what happens, while it happens, in lines of our own among the workers'."""

    def __init__(self, plan: UpPlan, loop: Loop, streams: Streams, looking: Looking) -> None:
        self._voice = plan.voice
        self._loop = loop
        self._say = streams.say
        self._looking = looking
        self._requests = 0

    def started(self, worker: WorkerId, pid: int) -> None:
        """Tell a start, when asked to be talkative."""
        if self._voice.verbose:
            self._say(f"started {self._loop.fleet.lives[worker].spec.title} (pid {pid})")

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Say what nobody asked for."""
        shutdown = self._looking.placed(shutdown, worker)
        text = fleet.unasked_end(shutdown, self._loop.fleet, worker, time.monotonic(), self._failure(worker))
        if text is not None and not self._voice.quiet:
            self._say(text)

    def note(self, note: Note) -> None:
        """Say it, if it is to be said."""
        if not self._voice.quiet and (self._voice.verbose or not note.verbose):
            self._say(note.text)

    def changed(self, at: float) -> None:
        """Say once what a stop request sets going, and again when it is repeated."""
        state = self._loop.fleet
        if state.requests > self._requests:
            self._requests = state.requests
            if not self._voice.quiet:
                self._say(fleet.stopping(state, at))

    def _failure(self, worker: WorkerId) -> str:
        """Return why a worker never ran, and what to do; empty when it did run."""
        life = self._loop.fleet.lives[worker]
        if life.failure is None:
            return ""
        error = startfail.explain(life.spec.exec, life.failure, 0)
        return f"{error.message} ({error.hint})"


class Dashboard(JobControl):
    """The dashboard's process on our terminal: while it shows the fleet, no lines are written."""

    def __init__(self, streams: Streams, control: Control, viewer: Viewer, *, wanted: bool, option: str) -> None:
        self._streams = streams
        self._control = control
        self._viewer = viewer
        self._wanted = wanted
        self._option = option
        viewer.left = self._left

    def suspending(self) -> None:
        """Leave the terminal as it was while we are stopped."""
        self._viewer.close(told=False)

    def resumed(self) -> None:
        """Show it, at the beginning and when we have been continued; in the background (``&``) there are lines."""
        if not self._wanted:
            return
        if terminal.in_front(0):
            self._streams.hide(True)
            self._viewer.open()
        else:
            self._streams.hide(False)
            self._streams.say(f"in the background: output follows as lines. Dashboard: supervisor top{self._option}")

    def over(self) -> None:
        """Say the rest in lines, now that the fleet has ended and the dashboard was told."""
        self._viewer.close(told=True)
        self._streams.hide(False)

    def _left(self, failed: bool) -> None:
        """Show lines from here on: the dashboard was closed with q, or it died."""
        self._wanted = False
        self._streams.hide(False)
        self._streams.say(
            "the dashboard ended unexpectedly; output follows as lines"
            if failed
            else f"dashboard closed; output follows as lines. Open it again with: supervisor top{self._option}"
        )
