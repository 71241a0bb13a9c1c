"""What `run` says while the command runs: notes, on stderr, which is the command's too."""

from __future__ import annotations

from supervisor.loop.observer import Observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.actions import Note
    from supervisor.runs.plan import Voice


class Notes(Observer):
    """Says notes at once, or loses them: the ladder waits for no reader of stderr."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def note(self, note: Note) -> None:
        """Say it, if it is to be said."""
        if self._voice.quiet or (note.verbose and not self._voice.verbose):
            return
        from supervisor.core.visible import visible
        from supervisor.system.output import sink

        sink.say(f"supervisor: {visible(note.text)}\n", 2, patience=0)
