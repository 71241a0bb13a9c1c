"""Signals as facts: all are blocked and read from a signalfd, with the sender, in the kernel's delivery order.

Uses the C module `_signal` that `signal` wraps: importing `signal` loads enum and costs 4 ms of a start that takes
20 (benchmarks/imports.py). A real SIGSEGV of ours still kills us: the kernel forces a blocked synchronous signal.
"""

from __future__ import annotations

import _signal  # not in typeshed; see above for why it is used
import os

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.system import libc

TERM, KILL = signum.TERM, signum.KILL
SIG_DFL: int = _signal.SIG_DFL
SIG_IGN: int = _signal.SIG_IGN
pidfd_send_signal = _signal.pidfd_send_signal
ALL = signum.FORWARDED | {signum.CHLD}
SI_KERNEL = 0x80
# struct signalfd_siginfo (signalfd(2)): ssi_signo, ssi_errno, ssi_code, ssi_pid, ssi_uid, padded to 128 bytes. Read
# without `struct`, whose module is a shared object to be found and loaded (25 system calls).
_INFO = 128


class Inherited(Frozen):
    """The signal state we were started with, to be given to every child."""

    mask: frozenset[int]
    ignored: frozenset[int]


class Arrived(Frozen):
    """One signal read from the signalfd; ``sender_pid`` 0 stands for a sender outside our PID namespace."""

    signal: int
    sender_pid: int
    sender_uid: int
    kernel: bool


def take_over() -> Inherited:
    """Block every signal in this process and return what was before. Call first: nothing is lost from here on.

    CPython has set SIGPIPE and SIGXFSZ to ignored before our first line, so what they were before is unknowable:
    children get the default (as with subprocess.Popen).
    """
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, ALL)
    ignored = frozenset(
        signal
        for signal in range(1, 32)
        if signal not in (signum.KILL, signum.STOP, signum.PIPE, signum.XFSZ) and _signal.getsignal(signal) == SIG_IGN
    )
    if signum.CHLD in ignored:
        # An ignored SIGCHLD would make the kernel reap our children (wait(2), NOTES): no exit status, no zombie.
        _signal.signal(signum.CHLD, SIG_DFL)
    return Inherited(frozenset(int(signal) for signal in mask), ignored)


def hand_down(inherited: Inherited, keep_ignored: bool) -> None:
    """Restore, in a forked child just before exec, the dispositions and the mask we were started with.

    A shell's ``&`` starts a job with SIGINT and SIGQUIT ignored; passed on, Ctrl-C could never stop the worker and
    Python would install no KeyboardInterrupt handler. They are reset unless ``keep_ignored``.
    """
    for signal in (signum.PIPE, signum.XFSZ):
        _signal.signal(signal, SIG_DFL)
    for signal in (signum.INT, signum.QUIT):
        keep = keep_ignored and signal in inherited.ignored
        _signal.signal(signal, SIG_IGN if keep else SIG_DFL)
    if signum.CHLD in inherited.ignored:
        _signal.signal(signum.CHLD, SIG_IGN)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, inherited.mask)


def open_fd() -> int:
    """Return the signalfd for everything that take_over() blocked."""
    return libc.signalfd(ALL)


def read(fd: int) -> list[Arrived]:
    """Return what has arrived, in delivery order; at most 64 at a time.

    Signals that our own writes caused are left out.
    """
    try:
        data = os.read(fd, 64 * _INFO)
    except BlockingIOError:
        return []
    return parse(data)


def parse(data: bytes) -> list[Arrived]:
    """Parse records of the signalfd into the signals, without those that our own writes caused."""
    fields = memoryview(data).cast("I")
    arrived: list[Arrived] = []
    for start in range(0, len(fields), _INFO // 4):
        signal, _, code, pid, uid = fields[start : start + 5]
        if signal not in (signum.PIPE, signum.XFSZ) or pid != os.getpid():
            arrived.append(Arrived(signal, pid, uid, code == SI_KERNEL))
    return arrived


def die_of(signal: int) -> None:
    """End this process by ``signal`` without a core dump, so that our parent sees what ended the worker.

    Returns only when the signal cannot end us (as PID 1 of a namespace, or a signal ignored by default).
    """
    # RLIMIT_CORE would not do: it does not hold where dumps are piped to a program (core(5)).
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    if signal != signum.KILL:
        _signal.signal(signal, SIG_DFL)
    os.kill(os.getpid(), signal)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (signal,))
