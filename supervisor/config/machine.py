"""What a config needs to know from the system: files, users, groups, programs. The only such place in config/."""

from __future__ import annotations

import os
import stat

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A config of 1000 workers has some 200 kB. More is a wrong file (a log, a database), and tomllib's time grows
# with it: 0.3 s for 1 MiB of ordinary keys.
MOST_BYTES = 1 << 20


class Outside(Frozen):
    """The questions, as functions, so that tests can answer them.

    ``read`` gives at most MOST_BYTES + 1 bytes of a file and raises OSError. ``program`` finds a command as
    execvpe(3) would: (name, PATH, folder for relative paths) -> found.
    """

    read: Callable[[str], bytes]
    user: Callable[[str], bool]
    group: Callable[[str], bool]
    folder: Callable[[str], bool]
    program: Callable[[str, str, str], bool]


def read(path: str) -> bytes:
    """At most MOST_BYTES + 1 bytes of a file, pipe or device. Raises OSError."""
    with open(path, "rb") as file:
        return file.read(MOST_BYTES + 1)


def user(name: str) -> bool:
    """Whether there is such a user; a number always is one."""
    import pwd  # a config without `user` does not pay for it

    if name.isdecimal():
        return int(name) < 2**32 - 1
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def group(name: str) -> bool:
    """Whether there is such a group; a number always is one."""
    import grp

    if name.isdecimal():
        return int(name) < 2**32 - 1
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def program(name: str, path: str, folder: str) -> bool:
    """Whether ``name`` is an executable file: itself when it has a slash, else in one of ``path``'s folders."""
    places = [""] if "/" in name else path.split(":")
    return any(_executable(os.path.join(folder, place, name)) for place in places)


def _executable(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


SYSTEM = Outside(read=read, user=user, group=group, folder=os.path.isdir, program=program)
