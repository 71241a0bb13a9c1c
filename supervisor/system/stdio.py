"""Our own stdin, stdout and stderr: what they are, and saying something that nobody may be listening to."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def reserve() -> None:
    """Keep 0, 1 and 2 from being given to a descriptor of ours; a command still finds them closed."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


# Priorities of lines in the journal, as of syslog(3).
ERROR, WARNING, NOTICE = 3, 4, 5


def to_journal(fd: int, environ: Mapping[str, str]) -> bool:
    """Return whether ``fd`` goes to systemd's journal, which notes the time by itself (systemd.exec(5)).

    ``$JOURNAL_STREAM`` is DEVICE:INODE of what our stderr was connected to, before anybody redirected it.
    """
    if "JOURNAL_STREAM" not in environ:
        return False
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def marked(text: str, fd: int, priority: int) -> str:
    """Return text as the stream wants it: in the journal each line begins with its priority (sd-daemon(3))."""
    if not text or not to_journal(fd, os.environ):
        return text
    lines = text.split("\n")
    return "\n".join(f"<{priority}>{line}" if line else line for line in lines)


def say(text: str, fd: int = 2, priority: int = WARNING) -> None:
    """Write all of it; gone or full is not our failure."""
    content = marked(text, fd, priority).encode(errors="surrogateescape")
    try:
        while content:
            content = content[os.write(fd, content) :]
    except OSError:
        pass


def width(fd: int) -> int:
    """Return the columns of the terminal on ``fd``, 80 without one; at least 40."""
    try:
        return max(os.get_terminal_size(fd).columns, 40)
    except OSError:
        return 80


def colored(choice: str, fd: int, environ: Mapping[str, str]) -> bool:
    """Return whether to colour: NO_COLOR beats FORCE_COLOR (no-color.org), a dumb terminal and a pipe get none."""
    if choice != "auto":
        return choice == "always"
    if to_journal(fd, environ):
        return False  # it has priorities instead
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return os.isatty(fd) and environ.get("TERM") != "dumb"


def interactive(environ: Mapping[str, str]) -> bool:
    """Return whether something may move on the screen: a terminal both ways, not dumb, no CI, and no NO_COLOR."""
    still = environ.get("CI") or environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb"
    return not still and all(os.isatty(fd) for fd in (0, 1, 2))
