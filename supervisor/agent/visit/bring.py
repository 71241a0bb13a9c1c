"""Runs in an interpreter of a program's own version, root and user, and brings the agent in (PEP 768).

sys.remote_exec() writes where a script is into the program's memory, which runs it in its main thread when that comes
to its next instruction. Started by supervisor/system/agent/attach.py with the sources on its standard input; what it
has to say are lines of JSON. Needs Python 3.14.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

OURS = "<sigdrain-agent>/"
PREFIX = "sigdrain-visit-"
PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run")
FILES = ("enter.py", "agent", "socket")
# Runs as an empty script. What is pending can only be replaced, not taken back.
NOTHING = "/dev/null"


def say(**what: Any) -> None:
    try:
        os.write(1, (json.dumps(what) + "\n").encode())
    except OSError:  # whoever asked was killed: the end of the standard input says so too
        pass


def make_folder(pid: int) -> str:
    """Return a new folder that only this user can enter. Raises OSError when there is no place for one."""
    error: Optional[OSError] = None
    for place in PLACES:
        folder = "%s/%s%d-%s" % (place, PREFIX, pid, os.urandom(6).hex())
        try:
            os.mkdir(folder, 0o700)
            return folder
        except OSError as failure:
            error = error or failure
    raise error or OSError


def sweep(uid: int) -> None:
    """Remove what visits have left whose program ended before it came to the script, and whose asker was killed."""
    for place in PLACES:
        try:
            names = [name for name in os.listdir(place) if name.startswith(PREFIX)]
        except OSError:
            continue
        for name in names:
            pid = name[len(PREFIX) :].partition("-")[0]
            try:
                if os.lstat(place + "/" + name).st_uid == uid and not os.path.exists("/proc/" + pid):
                    remove(place + "/" + name)
            except OSError:
                pass


def remove(folder: str) -> None:
    for name in FILES:
        try:
            os.unlink(folder + "/" + name)
        except OSError:
            pass
    try:
        os.rmdir(folder)
    except OSError:
        pass


def compiled(sources: Dict[str, str]) -> bytes:
    import marshal

    codes = {name: compile(text, OURS + name, "exec", 0, True) for name, text in sources.items()}
    return marshal.dumps(codes)


def write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(data)


def main(pid: int, listener: int, given: Dict[str, Any]) -> None:
    import socket

    remote_exec: Any = getattr(sys, "remote_exec", None)
    if remote_exec is None:
        return say(error="version", text="this interpreter has no sys.remote_exec")
    os.umask(0o077)
    sweep(os.geteuid())
    try:
        folder = make_folder(pid)
    except OSError as error:
        return say(error="place", text=error.strerror or "")
    listening = socket.socket(fileno=listener)
    pending = False
    try:
        write(folder + "/agent", compiled(given["agent"]))
        write(folder + "/enter.py", given["enter"].replace('FOLDER = ""', "FOLDER = %r" % folder, 1).encode())
        listening.bind(folder + "/socket")
        listening.listen(1)
        remote_exec(pid, folder + "/enter.py")
        pending = True
        say(pending=folder)
        pending = not answered()
    except Exception as error:
        say(error=type(error).__name__, text=str(error))
    finally:
        listening.close()
        if not pending or taken_back(remote_exec, pid):
            remove(folder)
    return None


def answered() -> bool:
    """Wait for whoever asked; return whether the script has run. An end without a word: it has not come in time."""
    try:
        return sys.stdin.buffer.readline() == b"done\n"
    except OSError:  # killed with something unread
        return False


def taken_back(remote_exec: Any, pid: int) -> bool:
    """Have an empty script pending instead of ours; return whether ours can go (else it does so when it runs)."""
    try:
        remote_exec(pid, NOTHING)
        return True
    except Exception:
        return not os.path.exists("/proc/%d" % pid)


main(int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.stdin.buffer.readline()))
