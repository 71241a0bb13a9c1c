"""`up` while it runs: the listener that joins the loop with output, control socket, dashboard and messages."""

from __future__ import annotations

import os
import time

from supervisor.core import events
from supervisor.core.verdict import worth_telling
from supervisor.core.visible import visible
from supervisor.errors import SupervisorError
from supervisor.loop.loop import Listener, Loop
from supervisor.runs.desk import Desk
from supervisor.runs.wrapping import speaks
from supervisor.system import stdio
from supervisor.system.control.server import Control
from supervisor.system.output.lanes import Lane, Output
from supervisor.system.proc import processes
from supervisor.system.process import identity, startfail
from supervisor.system.viewer import Viewer
from supervisor.views import fleet, lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.agent.wire import AgentMessage
    from supervisor.core.actions import Note
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import WorkerId, WorkerSpec
    from supervisor.runs.plan import UpPlan
    from supervisor.system.agent.agents import Agents
    from supervisor.system.control.place import Folder
    from supervisor.system.process.spawn import Child

# Ends kept for the report: a worker that restarts for ever must not fill the memory.
MOST_SHUTDOWNS = 2000
# The newest ends whose evidence is kept until they are explained.
MOST_EVIDENCE = 200


class Foreground(Listener):
    """The listener of `up`, and the run itself."""

    def __init__(self, plan: UpPlan, folder: Folder, agents: Agents) -> None:
        self._plan = plan
        self._folder = folder
        self._agents = agents
        self._evidence: list[list[AgentMessage]] = []
        self._shutdowns: list[Shutdown] = []
        self._forgotten = 0
        self._requests = 0
        self._width = max(len("supervisor"), *(len(worker.title) for worker in plan.fleet.workers))
        self._ends: dict[WorkerId, tuple[int, int, int]] = {}

    def run(self, loop: Loop) -> int:
        """Start everything, wait until it is over, report; the exit code."""
        self._loop = loop
        self._output = Output(loop.poller, lines.Splitter, self._say)
        self._desk = Desk(loop)
        try:
            self._control = Control(loop.poller, self._folder.socket, self._desk)
        except OSError as error:
            raise SupervisorError(
                f"cannot make the control socket {self._folder.socket}: {error.strerror}",
                "make room on its disk, or set XDG_RUNTIME_DIR to a folder of your own",
            ) from None
        self._viewer = Viewer(loop.poller, loop.kept, self._folder.socket, self._viewer_left)
        loop.sources += [self._output, self._control]
        self._lanes = {worker: self._lanes_of(worker) for worker in loop.fleet.lives}
        if self._plan.dashboard:
            self._open_dashboard()
        try:
            loop.see(events.StartAsked(time.monotonic()))
            self._agents.sweep()
            ended = loop.run()
        finally:
            ending = loop.fleet.ending
            code = ending.code if ending.signal is None else 128 + ending.signal
            self._control.over(code or 0)
            self._viewer.close(told=True)
            self._output.tap = None
            self._output.finish()
            self._agents.close()
        self._tell()
        return 0 if ended.ending.code == 0 else code or 0

    # -------------------------------------------------------------- heard from the loop

    def stdio(self, worker: WorkerId) -> tuple[int, int, int]:
        """Pipes for its output; stdin is /dev/null."""
        self._ends[worker] = self._output.pipes(self._lanes[worker])
        return self._ends[worker]

    def additions(self, worker: WorkerId) -> dict[str, str]:
        """The mark by which its orphans are known again, and the way to the agent's channel."""
        spec = self._spec(worker)
        mark = {processes.MARK: processes.mark(worker)}
        if not spec.agent:
            return mark
        env = spec.exec.env if spec.exec.env is not None else os.environ
        try:
            return mark | self._agents.prepare(worker, env, identity.of(spec.exec))
        except SupervisorError as error:
            self._say(f"{spec.title}: no explanations, {error.message}")
            return mark

    def started(self, worker: WorkerId, child: Child) -> None:
        """Only the child keeps the writing ends."""
        self._output.close_writers(self._ends.pop(worker))
        if self._plan.verbose:
            self._say(f"started {self._title(worker)} (pid {child.pid})")

    def not_started(self, worker: WorkerId) -> None:
        """There is no child to keep them."""
        if worker in self._ends:
            self._output.close_writers(self._ends.pop(worker))

    def ended(self, worker: WorkerId) -> None:
        """Its last words."""
        self._output.worker_ended(worker)

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Keep it for the report, and say what nobody asked for."""
        self._shutdowns.append(shutdown)
        # Explaining takes milliseconds that the others' stop would wait for: the evidence is kept until the end.
        self._evidence.append(self._agents.take(worker, time.monotonic()))
        if len(self._evidence) > MOST_EVIDENCE:
            self._evidence[-MOST_EVIDENCE - 1] = []
        if len(self._shutdowns) > MOST_SHUTDOWNS:
            del self._shutdowns[0], self._evidence[0]
            self._forgotten += 1
        text = fleet.unasked_end(shutdown, self._loop.fleet, worker, time.monotonic(), self._failure(worker))
        if text is not None and not self._plan.quiet:
            self._say(text)

    def _failure(self, worker: WorkerId) -> str:
        """Why it never ran, and what to do; empty when it did run."""
        life = self._loop.fleet.lives[worker]
        if life.failure is None:
            return ""
        error = startfail.explain(life.spec.exec, life.failure, 0)
        return f"{error.message} ({error.hint})"

    def note(self, note: Note) -> None:
        """Say it."""
        if not self._plan.quiet and (self._plan.verbose or not note.verbose):
            self._say(note.text)

    def changed(self, at: float) -> None:
        """Tell the watchers; say once what a stop request sets going, and again when it is repeated."""
        self._control.changed(at)
        state = self._loop.fleet
        if state.requests > self._requests:
            self._requests = state.requests
            if not self._plan.quiet:
                self._say(fleet.stopping(state, at))

    def heard(self, worker: WorkerId, at: float) -> None:
        """What a stopping worker waits for may have changed."""
        self._desk.heard(worker)
        self._control.changed(at)

    def suspending(self) -> None:
        """Leave the terminal as it was while we are stopped."""
        self._viewer.close(told=False)

    def resumed(self) -> None:
        """Come back."""
        if self._plan.dashboard:
            self._open_dashboard()

    # -------------------------------------------------------------- dashboard

    def _open_dashboard(self) -> None:
        self._output.tap = self._tapped
        self._viewer.open()

    def _viewer_left(self, failed: bool) -> None:
        """It was closed with q, or it died: lines from here on."""
        self._plan = self._plan.with_(dashboard=False)
        self._output.tap = None
        self._output.show_tail()
        self._say(
            "the dashboard ended unexpectedly; lines follow"
            if failed
            else "dashboard closed, lines follow; see it again with: supervisor top"
        )

    def _tapped(self, worker: WorkerId, stream: str, block: bytes) -> None:
        self._control.log(time.monotonic(), worker, self._title(worker), stream, block)

    # -------------------------------------------------------------- words

    def _spec(self, worker: WorkerId) -> WorkerSpec:
        return self._loop.fleet.lives[worker].spec

    def _title(self, worker: WorkerId) -> str:
        return self._spec(worker).title

    def _say(self, text: str) -> None:
        text = visible(text)
        if self._output.tap is not None:
            self._control.log(time.monotonic(), None, "supervisor", "stderr", text.encode() + b"\n")
        else:
            self._output.message(self._own.lines(text.encode(errors="replace") + b"\n", time.time()))

    def _lanes_of(self, worker: WorkerId) -> tuple[Lane, Lane]:
        spec = self._spec(worker)
        drop = spec.exec.overflow == "drop"
        out, err = (
            Lane(worker, stream, drop, self._format(worker, stream, fd))
            for stream, fd in (("stdout", 1), ("stderr", 2))
        )
        return out, err

    def _format(self, worker: WorkerId, stream: str, fd: int) -> lines.Json | lines.Plain | lines.Prefixed:
        spec, log = self._spec(worker), self._plan.log
        if log.format == "json":
            return lines.Json(spec.name, spec.instance, stream, log.time)
        if not log.prefix:
            return lines.Plain()
        return lines.Prefixed(spec.title, self._width, worker, stdio.colored(self._plan.color, fd, os.environ))

    @property
    def _own(self) -> lines.Json | lines.Plain | lines.Prefixed:
        if self._plan.log.format == "json":
            return lines.Json("supervisor", 0, "stderr", self._plan.log.time)
        return lines.Prefixed("supervisor", self._width, -1, stdio.colored(self._plan.color, 2, os.environ))

    def _tell(self) -> None:
        from supervisor.diagnosis.explain import explained
        from supervisor.runs.telling import tell_fleet
        from supervisor.system.sources import line

        wanted = bool(self._plan.reports) or self._plan.json
        told = [
            explained(one, said, line) if wanted or worth_telling(one) or speaks(said) else one
            for one, said in zip(self._shutdowns, self._evidence, strict=True)
        ]
        tell_fleet(self._plan, told, self._forgotten)
