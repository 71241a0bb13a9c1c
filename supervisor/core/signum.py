"""Signal names and numbers, without the `signal` module (importing it loads enum: 4 ms, 0.8 MB).

The numbers are those of Linux on x86, ARM, RISC-V, POWER and s390 (signal(7), "Signal numbering"); MIPS, SPARC,
Alpha and PA-RISC differ and are refused at start (entry.py).
"""

from __future__ import annotations

from supervisor.core.digits import whole

NUMBERS: dict[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE "
            "SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ "
            "SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"
        ).split(),
        start=1,
    )
}
ALIASES = {"SIGIOT": 6, "SIGPOLL": 29, "SIGCLD": 17}
NAMES = {number: name for name, number in NUMBERS.items()}

HUP, INT, QUIT, KILL, USR1, PIPE, TERM, CHLD, CONT, STOP = (
    NUMBERS["SIG" + name] for name in "HUP INT QUIT KILL USR1 PIPE TERM CHLD CONT STOP".split()
)
TSTP, TTIN, TTOU, URG, WINCH, XFSZ = (NUMBERS["SIG" + name] for name in "TSTP TTIN TTOU URG WINCH XFSZ".split())

# glibc keeps 32 and 33 for threads (nptl(7)); SIGRTMIN is 34 for every program that uses it.
RTMIN, RTMAX = 34, 64

STOP_REQUESTS = frozenset({TERM, INT, QUIT, HUP})
SUSPENDS = frozenset({TSTP, TTIN, TTOU})
FORWARDED = frozenset(set(range(1, 32)) - {KILL, STOP, CHLD}) | frozenset(range(RTMIN, RTMAX + 1))


def number(text: str) -> int | None:
    """Return the number of ``"TERM"``, ``"sigterm"``, ``"15"``, ``"RTMIN+3"``; None when there is no such signal."""
    value = whole(text, RTMAX)
    if value is not None:
        return value if value in NAMES or value >= RTMIN else None
    name = text.upper()
    name = name if name.startswith("SIG") else "SIG" + name
    if name in NUMBERS:
        return NUMBERS[name]
    if name in ALIASES:
        return ALIASES[name]
    for base, start, sign in (("SIGRTMIN", RTMIN, "+"), ("SIGRTMAX", RTMAX, "-")):
        if name.startswith(base):
            rest = name[len(base) :]
            if not rest:
                return start
            distance = whole(rest[1:], RTMAX - RTMIN) if rest[0] == sign else None
            if distance is not None:
                return start + distance if sign == "+" else start - distance
    return None


def name(value: int) -> str:
    """Return ``"SIGTERM"``, ``"SIGRTMIN+3"``, or ``"signal 99"`` for a number that is no signal's."""
    if value in NAMES:
        return NAMES[value]
    if RTMIN <= value <= RTMAX:
        return f"SIGRTMIN+{value - RTMIN}" if value > RTMIN else "SIGRTMIN"
    return f"signal {value}"
