"""Where a worker was when a try of its check had failed: the loop or the main thread, from one look of its agent."""

from __future__ import annotations

from supervisor.core.record import FailedTry
from supervisor.diagnosis.evidence.frames import NOBODY, where
from supervisor.diagnosis.evidence.notes import Snapshot, note_of
from supervisor.diagnosis.phrases import waited_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor.agent.wire import AgentMessage
    from supervisor.core.record import Shutdown
    from supervisor.diagnosis.evidence.frames import Sources


def placed(shutdown: Shutdown, looks: Mapping[float, AgentMessage], sources: Sources) -> Shutdown:
    """Return the record with what each look has shown; ``looks`` are those of its main process, by try's instant."""
    tries = tuple(_placed(one, looks.get(one.at), sources) for one in shutdown.tries)
    return shutdown.with_(tries=tries)


def _placed(one: FailedTry, message: AgentMessage | None, sources: Sources) -> FailedTry:
    note = None if message is None else note_of(message, message.at, NOBODY)
    if not isinstance(note, Snapshot):
        return one
    main = next((thread for thread in note.threads if thread.main), None)
    if main is None:
        return one
    if main.rests:
        task = next(iter(note.tasks), None)
        if task is None:
            return one.with_(what="the event loop was idle")
        what = f"the event loop was idle, task {task.name!r} waited {waited_on(task.on)}".rstrip()
        return one.with_(what=what, where=where(task.at or task.leaf, sources))
    what = "the event loop was blocked" if note.loops or note.tasks else "the main thread was"
    return one.with_(what=what, where=where(main.at or main.leaf, sources))
