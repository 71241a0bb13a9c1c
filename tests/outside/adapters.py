"""Writes executables named `dumb-init` and `tini` that translate those tools' command lines to `supervisor run`.

They translate words (options, environment, messages, tini's ``-e``) and then become the public command by exec, with
the same pid: what the wrapper does is ours, and nothing here knows a module of ours.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.support.processes import SUPERVISOR

if TYPE_CHECKING:
    from pathlib import Path

_COMMON = '''\
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and what is ignored stays so across exec
    signal.signal(number, signal.SIG_DFL)


def wrapped(options, command):
    """Return the command line of ours."""
    return [SUPERVISOR, "run", *options, "--", *command]


'''

_DUMB_INIT = """\
def main(argv):
    single = os.environ.get("DUMB_INIT_SETSID") == "0"
    verbose = os.environ.get("DUMB_INIT_DEBUG") == "1"
    rewrite = {}
    while argv and argv[0].startswith("-"):
        word = argv.pop(0)
        if word == "--":
            break
        elif word in ("-c", "--single-child"):
            single = True
        elif word in ("-v", "--verbose"):
            verbose = True
        elif word in ("-r", "--rewrite"):
            before, _, after = argv.pop(0).partition(":")
            rewrite[before] = after
        else:
            sys.exit(f"dumb-init: unrecognized option {word!r}")
    if not single:
        # dumb-init.c: in setsid mode the job control signals stop the children, whatever they handle.
        rewrite = {"20": "19", "21": "19", "22": "19"} | rewrite
    options = ["--escalation", "none", "--signal-exit", "code", "--subreaper", "off"]
    options += ["--child-only", "--leftovers", "leave"] if single else ["--leftovers", "signal"]
    options += ["--verbose"] if verbose else ["--quiet"]
    for before, after in rewrite.items():
        options += ["--rewrite", f"{before}:{after}"]
    if not shutil.which(argv[0]):
        print(f"[dumb-init] {argv[0]}: No such file or directory", file=sys.stderr, flush=True)
    command = wrapped(options, argv)
    os.execv(command[0], command)


main(sys.argv[1:])
"""

_TINI = """\
WARNING = "Tini is not running as PID 1 and isn't registered as a child subreaper: zombie reaping won't work"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 1, 36, 37
prctl = ctypes.CDLL(None).prctl


def is_subreaper():
    answer = ctypes.c_int(0)
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return answer.value == 1


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as listed:
            return set(listed.read().split())
    except OSError:  # the wrapper is gone
        return set()


def runs(pid):
    try:
        return bool(os.readlink(f"/proc/{pid}/exe"))
    except OSError:  # gone, or a zombie whose parent waits for our end first
        return False


def tell_reaped(pid):
    # tini -w: an observer, no descendant of the wrapper, names each child of the wrapper that is there no longer.
    subreaper = is_subreaper()
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)  # or the observer would come back to us
    if os.fork():
        os.wait()
        prctl(PR_SET_CHILD_SUBREAPER, subreaper, 0, 0, 0)
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    known = set()
    while runs(pid):
        now = children(pid)
        for gone in known - now:
            print(f"Reaped zombie process with pid={gone}", file=sys.stderr, flush=True)
        known = now
        time.sleep(0.02)
    os._exit(0)


def main(argv):
    fine = set()
    group = "TINI_KILL_PROCESS_GROUP" in os.environ
    subreaper = "TINI_SUBREAPER" in os.environ or is_subreaper()
    verbosity = int(os.environ.get("TINI_VERBOSITY", 1))
    while argv and argv[0].startswith("-"):
        word = argv.pop(0)
        if word == "--":
            break
        elif word == "-e":
            fine.add(int(argv.pop(0)))
        elif word == "-g":
            group = True
        elif word == "-s":
            subreaper = True
        elif word == "-w":
            tell_reaped(os.getpid())
        elif word == "-p":
            prctl(PR_SET_PDEATHSIG, signal.Signals[argv.pop(0)], 0, 0, 0)
        elif set(word[1:]) == {"v"}:
            verbosity += len(word) - 1
        else:
            sys.exit(f"tini: unrecognized option {word!r}")
    if verbosity and not subreaper and os.getpid() != 1:
        print(WARNING, file=sys.stderr, flush=True)
    # tini gives ignored signals on as they were, and lives and dies with its child alone.
    options = ["--escalation", "none", "--signal-exit", "code", "--keep-ignored", "--quiet"]
    options += ["--subreaper", "auto" if subreaper else "off", "--leftovers", "leave"]
    options += [] if group else ["--child-only"]
    command = wrapped(options, argv)
    if not fine:
        os.execv(command[0], command)
    code = subprocess.call(command)  # what -e makes of the exit code needs somebody who is still there
    sys.exit(0 if code in fine else code)


main(sys.argv[1:])
"""

_SOURCES = {"dumb-init": _DUMB_INIT, "tini": _TINI}


def install(name: str, folder: Path) -> Path:
    """Write the executable ``name`` into ``folder``; return its path."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nSUPERVISOR = {SUPERVISOR!r}\n{_COMMON}{_SOURCES[name]}")
    path.chmod(0o755)
    return path
