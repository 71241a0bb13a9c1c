"""argv -> the lean path of `run`, or the full command line. Errors that a user can mend become one message here."""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from supervisor.errors import SupervisorError


def main(argv: Sequence[str]) -> int:
    """Run the command line; the exit code. A bug of ours keeps its traceback."""
    from supervisor.errors import SupervisorError

    refusal = _unsupported()
    if refusal:
        complain(f"supervisor: {refusal}")
        return 125
    _uncoerce(os.environ)
    try:
        code = _dispatch(argv)
    except SupervisorError as error:
        report(error, argv)
        code = error.exit_code
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EIO):
            raise
        complain(f"supervisor: cannot write the output: {error.strerror}")
        code = 125
    return flushed(code)


def _unsupported() -> str:
    """Return why the supervisor cannot run on this machine; empty when it can."""
    if sys.platform != "linux":
        return "it runs on Linux only: it needs signalfd, pidfds and /proc"
    if os.uname().machine.startswith(("mips", "sparc", "alpha", "parisc")):
        return "this processor's Linux numbers its signals differently (signal(7)), which is not supported"
    return ""


# What Python writes into LC_CTYPE when it was started in the C locale (PEP 538).
COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def _uncoerce(environ: MutableMapping[str, str]) -> None:
    """Take back what Python has done to our environment, which is the workers' too: a locale of its own choice.

    /proc/self/environ (proc(5)) is what we were started with; it is only read where the locale may be Python's.
    """
    if environ.get("LC_CTYPE") not in COERCED or environ.get("LC_ALL"):
        return
    try:
        with open("/proc/self/environ", "rb") as file:
            given = file.read().split(b"\0")
    except OSError:
        return
    before = next((entry[9:] for entry in given if entry.startswith(b"LC_CTYPE=")), None)
    if before is None:
        del environ["LC_CTYPE"]
    else:
        environ["LC_CTYPE"] = os.fsdecode(before)


def _dispatch(argv: Sequence[str]) -> int:
    if "_SUPERVISOR_COMPLETE" in os.environ or "_SIGDRAIN_COMPLETE" in os.environ:
        from supervisor.cli.complete import asked, complete

        if shell := asked(os.environ):
            return complete(shell, os.environ)
    lean = _LEAN.get(argv[0]) if argv else None
    code = lean(argv) if lean is not None else None
    if code is not None:
        code = flushed(code)
        # Tearing the interpreter down takes 3 ms that our parent would wait for; nothing is left to do in them.
        os._exit(code)
    from supervisor.cli.app import main as full

    return full(argv)


def _run(argv: Sequence[str]) -> int | None:
    """Take the lean path of `run`; None when typer shall look at the command."""
    from supervisor.cli.options import parse

    parsed = parse(argv[1:], os.environ)
    if parsed is None or not parsed[1]:
        return None
    from supervisor.cli.run import run

    return run(*parsed)


def _up(argv: Sequence[str]) -> int | None:
    """Take the lean path of `up`, which stays: without typer and what typer loads `up` needs 20 MB less."""
    from supervisor.cli.options import UP, parse

    parsed = parse(argv[1:], os.environ, UP)
    if parsed is None:
        return None
    from supervisor.cli.up import up

    return up(*parsed)


def _control(argv: Sequence[str]) -> int | None:
    """Take the lean path of `status` and `stop`."""
    from supervisor.cli import control
    from supervisor.cli.options import STATUS, STOP, parse

    parsed = parse(argv[1:], os.environ, STATUS if argv[0] == "status" else STOP)
    if parsed is None:
        return None
    values, words = parsed
    if argv[0] == "stop":
        return control.stop(values, words)
    return None if words else control.status(values)


def _history(argv: Sequence[str]) -> int | None:
    """Take the lean path of `history`."""
    from supervisor.cli.measuring import HISTORY
    from supervisor.cli.options import parse

    parsed = parse(argv[1:], os.environ, HISTORY)
    if parsed is None:
        return None
    from supervisor.cli.history import history

    return history(*parsed)


_LEAN = {"run": _run, "up": _up, "status": _control, "stop": _control, "history": _history}


def report(error: SupervisorError, argv: Sequence[str] = ()) -> None:
    """Say what is wrong, where, and what to do, in a message that no name or path in it can disguise."""
    from supervisor.cli.talk import say
    from supervisor.core.visible import visible, visible_lines
    from supervisor.system import stdio

    # A config's complaints are several lines, each of them made visible already.
    message = visible(error.message) if error.prefix else visible_lines(error.message)
    hint = f"\nhint: {visible(error.hint)}" if error.hint else ""
    listed = "".join(f"\n  {visible(line)}" for line in error.listed)
    say(error.prefix + message + listed + hint + _variables(error, argv), stdio.ERROR)


def _variables(error: SupervisorError, argv: Sequence[str]) -> str:
    """Return, of the options that a mistake is about, those that came from the environment."""
    if error.exit_code != 2 or not argv:
        return ""
    from supervisor.cli.options import RUN, UP

    words = error.message.replace(":", " ").split()
    given = {word.partition("=")[0] for word in argv}
    about = [option for option in {*RUN, *UP} if option.names[-1] in words and given.isdisjoint(option.names)]
    names = sorted(option.env or "" for option in about)
    return "".join(
        f"\nnote: {name} is {os.environ[name]!r} in the environment" for name in names if name in os.environ
    )


def complain(text: str) -> None:
    """Write a sentence to stderr, if stderr is open."""
    from supervisor.system import stdio

    stdio.say(f"{text}\n", priority=stdio.ERROR)


def flushed(code: int) -> int:
    """Write out Python's buffers; the exit code then. A reader who has gone is no failure, a full disk is told."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            setattr(sys, name, None)  # or Python tries again while it ends, and complains
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO):
                complain(f"supervisor: cannot write the output: {error.strerror}")
                code = code or 125
    return code
