"""Writes the report files of a finished run, without what makes a text for a terminal. Imported when it is needed."""

from __future__ import annotations

from supervisor.core.contract import report
from supervisor.core.visible import visible
from supervisor.system import writing
from supervisor.system.output import sink
from supervisor.views import formats
from supervisor.views.data import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.core.contract.report import Origin
    from supervisor.core.record import Shutdown
    from supervisor.runs.plan import Voice
    from supervisor.system.output.patience import Patience


def record(voice: Voice, shutdowns: Sequence[Shutdown], patience: Patience, fleet: str | None = None) -> bool:
    """Write the report files, before anything that a reader could hold up; return whether all could be written."""
    written = [_write(path, shutdowns, patience, fleet) for path in voice.reports]
    return all(written)


def _write(path: str, shutdowns: Sequence[Shutdown], patience: Patience, fleet: str | None) -> bool:
    """Write one report file and return whether that worked; if not, it is told and loses nothing."""
    content = formats.shutdowns(path, _origin(fleet), shutdowns)
    try:
        writing.write(path, content.encode())
    except OSError as error:
        hint = "hint: the report follows here; give another PATH"
        sink.say(f"supervisor: cannot write the report {visible(path)}: {error.strerror}\n{hint}\n", 2, patience)
        return False
    return True


def _origin(fleet: str | None) -> Origin:
    """Return the head of a report; only a report has one: asking for our version takes 30 ms, which a text on stderr
    saves.
    """
    from supervisor.system.origin import origin

    return origin(fleet)


def json_text(shutdowns: Sequence[Shutdown], fleet: str | None = None) -> str:
    """Return the report as JSON."""
    return dumps(report.document(_origin(fleet), shutdowns))
