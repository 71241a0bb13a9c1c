"""The escalation ladder: which signal after how many seconds, in start-stop-daemon's schedule grammar.

``TERM/10/KILL``: SIGTERM, ten seconds of grace, SIGKILL. ``10`` alone is short for ``TERM/10/KILL``. A last
signal without a wait is waited for without end (SIGKILL: 5 s, then the worker counts as stuck).
"""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.frozen import Frozen

DEFAULT = "TERM/10/KILL"
# After SIGKILL only uninterruptible sleep holds a process; s6-supervise looks again after 5 s as well.
AFTER_KILL = 5.0
LONGEST = 366 * 86400.0
LONGEST_TEXT = 1000  # characters; some hundred rungs, far more than anybody waits for


class LadderError(ValueError):
    """The text is no ladder; the message says which part and what is expected."""


class Rung(Frozen):
    """One signal and the grace period after it: ``wait`` seconds, None for ever."""

    signal: int
    wait: float | None


class Ladder(Frozen):
    """The rungs in order; climbed only upwards."""

    rungs: tuple[Rung, ...]

    @property
    def stop_signal(self) -> int:
        """Return the signal of rung 1, with which a stop begins that no signal asked for."""
        return self.rungs[0].signal

    @property
    def grace(self) -> float | None:
        """Return the seconds from the stop request to SIGKILL; None when no SIGKILL comes."""
        total = 0.0
        for rung in self.rungs:
            if rung.signal == signum.KILL:
                return total
            if rung.wait is None:
                return None
            total += rung.wait
        return None

    @property
    def patient(self) -> bool:
        """Return whether the ladder never escalates (``none``)."""
        return len(self.rungs) == 1 and self.rungs[0].wait is None

    def with_kill(self) -> Ladder:
        """Return the same ladder, ended by SIGKILL."""
        if self.rungs[-1].signal == signum.KILL:
            return self
        return Ladder((*self.rungs, Rung(signum.KILL, AFTER_KILL)))

    def __str__(self) -> str:
        parts: list[str] = []
        for rung in self.rungs:
            parts.append(signum.name(rung.signal).removeprefix("SIG"))
            if rung.wait is not None:
                parts.append(f"{rung.wait:g}")
        if self.rungs[-1] == Rung(signum.KILL, AFTER_KILL):
            parts.pop()
        return "/".join(parts)


def parse(text: str) -> Ladder:
    """Parse ``"TERM/10/INT/5/KILL"`` or ``"none"`` into the ladder. Waits are seconds. Raises LadderError."""
    if text == "none":
        return Ladder((Rung(signum.TERM, None),))
    if len(text) > LONGEST_TEXT:
        raise LadderError(f"{text[:20]!r}… has {len(text)} characters; a ladder has {LONGEST_TEXT} at most")
    parts = text.split("/")
    if len(parts) == 1 and _seconds(parts[0]) is not None:
        parts = ["TERM", parts[0], "KILL"]
    rungs: list[Rung] = []
    for part in parts:
        wait = _seconds(part)
        if part.startswith("-") and part[1:].isdecimal() and rungs and rungs[-1].wait is None:
            raise LadderError(f"{text!r} has a negative wait at {part!r}, or a signal without a wait before it")
        if wait is None:
            rungs.append(Rung(_signal(part, text), None))
        elif not rungs:
            raise LadderError(f"{text!r} begins with a wait; begin with a signal, as in {DEFAULT!r}")
        elif rungs[-1].wait is not None:
            raise LadderError(f"{text!r} has two waits in a row at {part!r}; put a signal between them")
        else:
            rungs[-1] = Rung(rungs[-1].signal, wait)
    return _checked(rungs, text)


def with_grace(ladder: Ladder, seconds: float) -> Ladder:
    """Return the same ladder with another grace period on rung 1."""
    first, *rest = ladder.rungs
    return Ladder((Rung(first.signal, seconds), *(rest or [Rung(signum.KILL, AFTER_KILL)])))


def with_stop_signal(ladder: Ladder, signal: int) -> Ladder:
    """Return the same ladder with another signal on rung 1."""
    first, *rest = ladder.rungs
    return Ladder((Rung(signal, first.wait), *rest))


def _checked(rungs: list[Rung], text: str) -> Ladder:
    for position, rung in enumerate(rungs):
        last = position == len(rungs) - 1
        if rung.signal == signum.KILL and not last:
            raise LadderError(f"{text!r} goes on after KILL; nothing can come after it")
        if rung.wait is None and not last:
            following = signum.name(rungs[position + 1].signal).removeprefix("SIG")
            raise LadderError(f"{text!r} has no wait before {following}; write seconds between the two signals")
    final = rungs[-1]
    if final.signal == signum.KILL and final.wait is None:
        rungs[-1] = Rung(signum.KILL, AFTER_KILL)
    elif final.signal != signum.KILL and final.wait is not None:
        raise LadderError(f"{text!r} ends with a wait; add /KILL, or leave the wait out to wait without limit")
    return Ladder(tuple(rungs))


def _signal(part: str, text: str) -> int:
    found = signum.number(part.lstrip("-"))
    if found is None and _is_number(part):
        raise LadderError(f"{part!r} in {text!r} is not a duration of at most {LONGEST / 86400:.0f} days")
    if found is None:
        where = f" in {text!r}" if text != part else ""
        raise LadderError(f"{part!r}{where} is neither a signal nor a number of seconds, as in {DEFAULT!r}")
    if found in (signum.STOP, signum.CHLD):
        raise LadderError(f"{part!r} in {text!r} never ends a process; use TERM, INT, QUIT, HUP or KILL")
    return found


def _seconds(part: str) -> float | None:
    return float(part) if _is_number(part) and 0 <= float(part) <= LONGEST else None


def _is_number(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return True
