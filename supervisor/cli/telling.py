"""Writes what a finished run has to say: report files, text or JSON on stderr. Imported only when there is any."""

from __future__ import annotations

import os

from supervisor.core import report as data
from supervisor.views import markdown
from supervisor.views import report as view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.cli.plan import RunPlan
    from supervisor.core.record import Shutdown
    from supervisor.core.report import Origin


def tell(plan: RunPlan, one: Shutdown, origin: Origin) -> None:
    """After `run`: files first, then the text; a file that cannot be written is told and loses nothing."""
    from supervisor.core import verdict

    failed = [path for path in plan.reports if not write(path, origin, [one])]
    if plan.json:
        say(dumps(data.document(origin, [one])))
    elif plan.verbose or failed or (not plan.quiet and verdict.worth_telling(one)):
        say(view.text(one, width(2), view.ansi if colored(plan.color, 2) else view.plain))


def write(path: str, origin: Origin, shutdowns: Sequence[Shutdown]) -> bool:
    """One report file, written beside and renamed, so that no reader sees half of it. Whether it worked."""
    if path.endswith(".json"):
        content = dumps(data.document(origin, shutdowns))
    else:
        content = markdown.text(origin, shutdowns)
    try:
        _write(path, content.encode(errors="surrogateescape"))
    except OSError as error:
        say(f"supervisor: cannot write the report {path}: {error.strerror}\n")
        say("hint: the result follows; give another PATH\n")
        return False
    return True


def _write(path: str, content: bytes) -> None:
    # A pipe, a terminal or /dev/stderr is written as it is; a file appears at once and whole.
    special = os.path.exists(path) and not os.path.isfile(path)
    target = path if special else f"{path}.{os.getpid()}.tmp"
    try:
        with open(target, "wb") as file:
            file.write(content)
        if not special:
            os.replace(target, path)
    except OSError:
        if not special and os.path.exists(target):
            os.unlink(target)
        raise


def dumps(document: object) -> str:
    """JSON with a line per field, ending in a newline."""
    import json

    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def say(text: str) -> None:
    """To stderr; gone or full is not our failure."""
    content = text.encode(errors="surrogateescape")
    try:
        while content:
            content = content[os.write(2, content) :]
    except OSError:
        pass


def width(fd: int) -> int:
    """Columns of the terminal on ``fd``, 80 without one."""
    try:
        return max(os.get_terminal_size(fd).columns, 40)
    except OSError:
        return 80


def colored(choice: str, fd: int) -> bool:
    """Whether to colour: NO_COLOR beats FORCE_COLOR (no-color.org), a dumb terminal and a pipe get none."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.isatty(fd) and os.environ.get("TERM") != "dumb"
