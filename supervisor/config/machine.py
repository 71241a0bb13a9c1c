"""What a config needs to know from the system: files, users, groups, programs. The only such place in config/."""

from __future__ import annotations

import errno
import os
import stat

from supervisor.core.digits import whole
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# A config of 1000 workers has some 200 kB. More is a wrong file (a log, a database), and tomllib's time grows
# with it: 0.3 s for 1 MiB of ordinary keys.
MOST_BYTES = 1 << 20


MOST_ID = 2**32 - 2  # of a user or group; the next one means "unchanged" (setresuid(2))
DEFAULT_SHELL = "/bin/sh"


class Account(Frozen):
    """What a user's processes have in their environment. ``known``: the user has an entry in passwd(5)."""

    name: str
    home: str
    shell: str
    known: bool = True

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables that systemd sets for User=."""
        return {"USER": self.name, "LOGNAME": self.name, "HOME": self.home, "SHELL": self.shell}


class Outside(Frozen):
    """The questions, as functions, so that tests can answer them.

    ``read`` gives at most MOST_BYTES + 1 bytes of a file and raises OSError. ``user`` is None for one that is not
    there. ``program`` finds a command as execvpe(3) would: (name, PATH, folder for relative paths) -> found.
    """

    read: Callable[[str], bytes]
    user: Callable[[str], Account | None]
    group: Callable[[str], bool]
    folder: Callable[[str], bool]
    program: Callable[[str, str, str], bool]


def read(path: str) -> bytes:
    """Return at most MOST_BYTES + 1 bytes of a file, or of a pipe that is being written (`-c <(generate)`).

    Raises OSError, also for a named pipe without a writer: to wait for one would be to hang.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb", buffering=0) as file:
        if stat.S_ISFIFO(os.fstat(fd).st_mode) and not path.startswith(("/dev/", "/proc/")):
            raise OSError(errno.EINVAL, "is a named pipe")
        os.set_blocking(fd, True)
        data = b""
        while len(data) <= MOST_BYTES and (more := file.read(MOST_BYTES + 1 - len(data))):
            data += more
        return data


def user(name: str) -> Account | None:
    """Return the user of that name or number. A number needs no entry; its home is then /, as in containers."""
    import pwd  # a config without `user` does not pay for it

    number = whole(name, MOST_ID)
    try:
        found = pwd.getpwnam(name) if number is None else pwd.getpwuid(number)
    except (KeyError, ValueError):
        return None if number is None else Account(name, "/", DEFAULT_SHELL, known=False)
    # A shell that lets nobody in is of no use to a program that looks for one (systemd leaves it out, too).
    usable = found.pw_shell and os.path.basename(found.pw_shell) not in ("nologin", "false")
    return Account(found.pw_name, found.pw_dir or "/", found.pw_shell if usable else DEFAULT_SHELL)


def group(name: str) -> bool:
    """Tell whether there is such a group; a number always is one."""
    import grp

    if whole(name, MOST_ID) is not None:
        return True
    try:
        grp.getgrnam(name)
    except (KeyError, ValueError):
        return False
    return True


def program(name: str, path: str, folder: str) -> bool:
    """Return whether ``name`` is an executable file: itself when it has a slash, else in one of ``path``'s
    folders.
    """
    places = [""] if "/" in name else path.split(":")
    return any(_executable(os.path.join(folder, place, name)) for place in places)


def _executable(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


SYSTEM = Outside(read=read, user=user, group=group, folder=os.path.isdir, program=program)
