"""What each test begins and ends with, wherever the suite was started: a shell's signals, compiled code that is kept,
and no process left."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.processes import MARK, PATIENCE, environment, pids

if TYPE_CHECKING:
    from collections.abc import Iterator

# CPython ignores these two itself and gives programs that it starts the default (subprocess, restore_signals).
_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}


def signals_of_a_shell() -> None:
    """Nothing ignored, nothing blocked: the programs that tests start would inherit it.

    nohup ignores SIGHUP, a shell's & SIGINT and SIGQUIT; some CI runners ignore or block more.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - _PYTHONS_OWN:
        if signal.getsignal(number) == signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


def compiled_code_is_kept() -> None:
    """Some images set this variable. Each of the thousand programs that we start would compile itself anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Whatever is started in here through subprocess has ended and been waited for behind it, also on failure.

    A Popen that a failed test leaves behind lives in its traceback, and warns when some later test lets it go.
    """
    started: list[subprocess.Popen[Any]] = []
    make = subprocess.Popen.__init__

    def remembered(process: subprocess.Popen[Any], *arguments: Any, **options: Any) -> None:
        make(process, *arguments, **options)
        started.append(process)

    setattr(subprocess.Popen, "__init__", remembered)  # noqa: B010 - put back below
    try:
        yield
    finally:
        setattr(subprocess.Popen, "__init__", make)  # noqa: B010 - as above
        for process in started:
            _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait(PATIENCE)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # what was still to be written has no reader any more
                pass


def kill_marked(mark: str) -> None:
    """SIGKILL to every process that carries this mark of a test in its environment."""
    entry = f"{MARK}={mark}".encode()
    for pid in pids():
        if entry in environment(pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
