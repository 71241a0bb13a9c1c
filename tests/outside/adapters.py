"""Writes executables named `dumb-init` and `tini` that translate those tools' command lines to `supervisor run`.

They translate words (options, environment, messages, tini's ``-e``); what the wrapper does is ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

_COMMON = '''\
import os
import sys

from supervisor import entry
from supervisor.cli.options import parse
from supervisor.cli.run import run
from supervisor.errors import SupervisorError


def leave(options, command, translate):
    """What entry.main does, with a word of the other tool before the end."""
    parsed = parse([*options, "--", *command], {})
    assert parsed is not None, options
    try:
        code = run(*parsed)
    except SupervisorError as error:
        entry.report(error)
        code = error.exit_code
    os._exit(entry.flushed(translate(code)))


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

    def translate(code):
        if code == 127 and not os.path.exists(argv[0]):
            print(f"[dumb-init] {argv[0]}: No such file or directory", file=sys.stderr)
        return code

    leave(options, argv, translate)


main(sys.argv[1:])
"""

_TINI = """\
from supervisor.core import signum
from supervisor.system import libc
from supervisor.system.process import wait

WARNING = "Tini is not running as PID 1 and isn't registered as a child subreaper: zombie reaping won't work"


def is_subreaper():
    import ctypes

    answer = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(37, ctypes.byref(answer), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
    return answer.value == 1


def tell_reaped():
    reap = wait.reap_orphans

    def told(keep):
        reaped = reap(keep)
        for pid in reaped:
            print(f"Reaped zombie process with pid={pid}", file=sys.stderr, flush=True)
        return reaped

    wait.reap_orphans = told


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
            tell_reaped()
        elif word == "-p":
            libc.prctl(libc.PR_SET_PDEATHSIG, signum.number(argv.pop(0)))
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
    leave(options, argv, lambda code: 0 if code in fine else code)


main(sys.argv[1:])
"""

_SOURCES = {"dumb-init": _DUMB_INIT, "tini": _TINI}


def install(name: str, folder: Path) -> Path:
    """An executable ``name`` in ``folder``."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{_COMMON}{_SOURCES[name]}")
    path.chmod(0o755)
    return path
