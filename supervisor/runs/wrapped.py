"""The command of `run` after its fork: watched to its end, then told. Imported when it runs already."""

from __future__ import annotations

import os
import resource  # noqa: F401 - os.wait4 loads it for its result, 0.3 ms that our parent would wait for at the end
import select
from time import monotonic

from supervisor.core.actions import Note
from supervisor.core.spec import FIRST
from supervisor.core.verdict import worth_telling
from supervisor.loop.loop import Loop
from supervisor.loop.observer import Observer
from supervisor.runs.assembly import Quiet
from supervisor.runs.evidence import Evidence
from supervisor.system.agent.meeting import Meeting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.fleet.state import Fleet
    from supervisor.core.record import Shutdown
    from supervisor.core.spec import FleetSpec, WorkerId
    from supervisor.loop.observer import Attachments
    from supervisor.runs.assembly import Ground
    from supervisor.runs.hearing import Hearing
    from supervisor.runs.plan import Keeping, Voice
    from supervisor.runs.told import Told
    from supervisor.system.process.spawn import Child
    from supervisor.system.terminal import Terminal


class Wrapped(Observer):
    """One run of one command, whose process exists already."""

    def __init__(
        self,
        fleet: FleetSpec,
        ground: Ground,
        tty: Terminal | None,
        voice: Voice,
        keeping: Keeping,
        meeting: Meeting | str | None,
        *,
        extends: bool = True,
        hearing: Hearing | None = None,
        told: Told | None = None,
    ) -> None:
        """Prepare the command's run; ``meeting``: where its agents come to, or why they cannot; None when none is
        wanted.

        ``extends``: a service manager over us is asked for the time that a stop takes. ``hearing``: the command has a
        notify socket; ``told``: it tells by itself when it is ready.
        """
        self._voice = voice
        self._keeping = keeping
        self._extends = extends
        self._hearing = hearing
        self._told = told
        self._meeting = meeting if isinstance(meeting, Meeting) else None
        self._evidence = Evidence(None, without=meeting if isinstance(meeting, str) else None)
        self._notes = Notes(voice)
        self._loop = Loop(
            fleet,
            ground.inherited,
            subreaper=ground.subreaper,
            tty=tty,
            attachments=_heard(hearing) if told is None else told,
            poller=None if told is None else told.poller,
            observers=(self, self._evidence, self._notes),
        )
        if hearing is not None:
            self._loop.observers.append(hearing)
            hearing.serve(self._loop.poller, self._loop.see_all, self._say)
        if told is not None:
            told.serve(self._loop, self._say, _heard(hearing))
        if fleet.workers[0].ready is not None or fleet.workers[0].liveness is not None:
            self._look_at_failed_tries()

    def run(self, child: Child) -> Fleet:
        """Watch the process until nothing of the command is left; the last state."""
        try:
            if self._meeting is not None:
                self._loop.poller.watch(self._meeting.listen().fileno(), lambda *_: self._meet())
            self._loop.sources.append(Quiet(monotonic(), self._prepare))
            if os.environ.get("NOTIFY_SOCKET"):
                self._inform_the_manager()
            self._loop.adopt(FIRST, child)
            return self._loop.run()
        finally:
            if self._loop.agents is not None:
                self._loop.agents.close()
            elif self._meeting is not None:
                self._meeting.close()
            if self._hearing is not None:
                self._hearing.close()

    def _look_at_failed_tries(self) -> None:
        """Keep where the command was when a try of its check had failed."""
        from supervisor.runs.looking import Looking

        looking = Looking(self._loop)
        self._evidence.looking = looking.placed
        self._loop.observers.insert(0, looking)

    def _say(self, text: str) -> None:
        self._notes.note(Note(text))

    def _inform_the_manager(self) -> None:
        """Tell a service manager over us how it stands."""
        try:
            from supervisor.runs.manager import attach
        except (ImportError, OSError):  # no descriptor is left to import with: the run goes on without
            return
        ready = self._loop.fleet.spec.workers[0].ready
        passes = ready is not None and ready.check.kind == "notify"
        notifier = attach(self._loop, self._extends, self._say, monotonic(), passes=passes)
        if notifier is not None and self._hearing is not None:
            self._hearing.pass_on(notifier.pass_on)

    def _ask_the_unit(self, at: float) -> None:
        """Learn how systemd will stop us."""
        try:
            from supervisor.runs import unit
        except (ImportError, OSError):  # no descriptor is left to import with: it is not known
            return
        unit.ask(self._loop, self._extends and bool(os.environ.get("NOTIFY_SOCKET")), self._notes.note, at)

    def report(self, shutdown: Shutdown, worker: WorkerId) -> None:
        """Hear the last agents before the evidence is taken: one whose process lived some milliseconds may wait to be
        heard still.
        """
        del shutdown, worker
        if self._meeting is not None and self._loop.agents is None and _calls(self._meeting):
            self._meet()

    def _prepare(self, at: float) -> None:
        """Import and try what a stop needs while nothing waits for it."""
        self._meet()
        if "SYSTEMD_EXEC_PID" in os.environ:
            self._ask_the_unit(at)
        try:
            from supervisor.runs import ahead
            from supervisor.runs.rehearsal import rehearse
        except (ImportError, OSError):
            return  # no descriptor is left to import with: the run goes on without
        ahead.imported(ahead.STOPPING)
        rehearse(self._loop, at)
        if self._loop.agents is not None:
            self._loop.agents.sweep()
        if self._meeting is not None:
            self._answer_questions(self._meeting)
        if not self._voice.quiet and os.isatty(2):
            self._watch_for_hangs(at)
        if not self._voice.quiet or self._voice.keeps_record:
            self._loop.sources.append(
                ahead.Ahead(self._loop, at, records=self._voice.keeps_record, keeps=self._keeping.wanted)
            )

    def _answer_questions(self, meeting: Meeting) -> None:
        """Let `supervisor explain` ask us about the command. What answers is imported when somebody does."""
        try:
            listening = meeting.questions()
        except OSError:
            return  # it is explained as any process is, from outside

        def serve() -> None:
            self._loop.poller.unwatch(listening.fileno())
            try:
                from supervisor.runs.desk import Desk, Published
                from supervisor.system.control.server import Control

                desk = Desk(self._loop)
                control = Control(self._loop.poller, listening, desk, tuple)
            except (ImportError, OSError):  # no descriptor is left
                listening.close()
                return
            self._loop.sources.append(control)
            self._loop.observers.append(Published(desk, control))

        self._loop.poller.watch(listening.fileno(), lambda *_: serve())

    def _watch_for_hangs(self, at: float) -> None:
        """Be ready to tell on the terminal where a command waits that does not end."""
        try:
            from supervisor.runs.hanging import Hanging
        except (ImportError, OSError):  # no descriptor is left to import with: the run goes on without
            return
        hanging = Hanging(self._loop, at)
        self._loop.observers.append(hanging)
        self._loop.sources.append(hanging)

    def _meet(self) -> None:
        """Import what hears agents when the first one calls or there is time, not before (4 ms, 0.5 MB)."""
        if self._meeting is None or self._loop.agents is not None:
            return
        self._loop.poller.unwatch(self._meeting.listen().fileno())
        try:
            from supervisor.system.agent.agents import Agents
        except (ImportError, OSError) as error:  # no descriptor is left to import with
            self._evidence.without = f"what hears the agents cannot be imported: {error}"
            return
        agents = Agents(self._loop.poller)
        agents.adopt(FIRST, self._meeting)
        self._loop.meet(agents)
        self._evidence.agents = agents

    def tell(self) -> None:
        """Tell the end, then record it: nothing after a clean end in good time, unless asked; so the modules for it
        are imported only here.
        """
        if self._told is not None:
            self._told.finish(self._loop.patience())
        voice, keeping = self._voice, self._keeping
        ends = self._evidence.told(voice, every=voice.verbose, kept=keeping.wanted)
        always = voice.keeps_record or voice.verbose
        told = [ended for ended in ends if always or (not voice.quiet and worth_telling(ended))]
        if not told and not keeping.wanted:
            return
        patience = self._loop.patience()
        for ended in told:
            recorded = self._evidence.record(voice, [ended], patience)
            try:
                from supervisor.runs.telling import tell

                tell(voice, ended, patience, always=not recorded)
            except (ImportError, OSError) as error:
                self._evidence.plainly(error)
        if keeping.wanted:
            try:
                from supervisor.runs.history import keep
            except (ImportError, OSError):  # no descriptor is left to import with: the end was told
                return
            keep(keeping, ends, "run", voice, patience)


def _heard(hearing: Hearing | None) -> Attachments | None:
    if hearing is None:
        return None
    from supervisor.runs.hearing import Heard

    return Heard(hearing)


def _calls(meeting: Meeting) -> bool:
    """Return whether an agent waits to be accepted."""
    poll = select.poll()
    poll.register(meeting.listen(), select.POLLIN)
    return bool(poll.poll(0))


class Notes(Observer):
    """Says notes at once, on stderr, which is the command's too, or loses them: the ladder waits for no reader."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def note(self, note: Note) -> None:
        """Say it, if it is to be said."""
        if self._voice.quiet or (note.verbose and not self._voice.verbose):
            return
        try:
            from supervisor.core.visible import visible
            from supervisor.system.output import patience, sink
        except (ImportError, OSError):
            return  # no descriptor is left to import with, and what is not made visible must not be said
        sink.say(f"supervisor: {visible(note.text)}\n", 2, patience.Patience(0.0))
