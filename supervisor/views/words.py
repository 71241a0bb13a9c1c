"""How we say things: commands, ends, who asked. One word for one thing. Pure."""

from __future__ import annotations

import os

from supervisor.core import redact, signum, verdict
from supervisor.core.units import duration
from supervisor.core.visible import visible
from supervisor.views.layout import cut, middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.contract.report import Hold
    from supervisor.core.record import FailedTry, Shutdown


def said(status: str | None, errno: int | None, reloading: float | None) -> str:
    """Return what a worker says of itself over sd_notify(3); empty for one that has said nothing."""
    parts = (
        "reloading" if reloading is not None else None,
        status,
        f"error {errno}: {os.strerror(errno)}" if errno else None,
    )
    return visible("; ".join(part for part in parts if part))


def command(argv: tuple[str, ...], width: int = 60) -> str:
    """Return a command line without its secrets in at most ``width`` columns.

    Of one that is too long the folders in its paths are left out first, from the left, so that the names of program
    and script stay.
    """
    import shlex

    told = [shlex.quote(word) for word in redact.argv(argv)]
    for place in range(len(told)):
        for shorter in (_inner_left_out, _folders_left_out):
            if len(" ".join(told)) > width:
                told[place] = min(told[place], shorter(told[place]), key=len)
    if told and len(told[0]) > width:
        return middle(told[0], width)
    return cut(" ".join(told), width)


def _inner_left_out(word: str) -> str:
    """Return a path without the folders in its middle: ``/srv/…/worker.py``."""
    first, found, rest = word.partition("/")
    second, more, rest = rest.partition("/") if not first else (None, found, rest)
    name = rest.rpartition("/")[2]
    begin = first if second is None else f"/{second}"
    return f"{begin}/…/{name}" if more and name and "://" not in word and "'" not in word else word


def _folders_left_out(word: str) -> str:
    """Return a path without its folders: ``…/worker.py``, ``--config=…/shop.toml``."""
    head, equals, path = word.partition("=") if word.startswith("-") else ("", "", word)
    name = path.rpartition("/")[2]
    return f"{head}{equals}…/{name}" if name != path and name and "://" not in word and "'" not in word else word


def ended(one: Shutdown) -> str:
    """Return how it ended: ``exited with 0``, ``died of SIGTERM``, ``could not be started (127)``."""
    if not one.started:
        return f"could not be started ({one.exit_code})"
    if one.outcome == "stuck":
        return _not_ended(one)
    if one.signal is None:
        return f"exited with {one.exit_code}"
    if one.outcome == "killed":
        return "was killed (SIGKILL) before its grace period ended" if one.hurried else "had to be killed (SIGKILL)"
    return f"died of {signum.name(one.signal)}"


def _not_ended(one: Shutdown) -> str:
    """Return what is known of one that was given up: who could not be ended, and why."""
    main = one.marks.main_exited
    before = "" if main is None else f"{_status(one)}, but "
    if not one.leftovers_known:
        return f"{before}nobody could look what is left of it"
    if (refused := verdict.refused(one)) is not None:
        return f"{before}is still running, {not_permitted(refused)}"
    return f"{before}some of it did not die of SIGKILL" if before else "did not die of SIGKILL (stuck in the kernel)"


def _status(one: Shutdown) -> str:
    return f"exited with {one.exit_code}" if one.signal is None else f"died of {signum.name(one.signal)}"


def not_permitted(user: str | None) -> str:
    """Return that a process may not be signalled, and as whom it runs: ``not permitted to signal it (it runs as
    root)``.
    """
    return f"not permitted to signal it (it runs as {user or 'another user'})"


# Why a worker was to stop, by the record's `asked_by`; a signal's name and a command's follow it there.
_REASONS = {
    "dependency": "stop requested because a worker that it needs stops",
    "failed peer": "stop requested because another worker failed",
    "finished peer": "stop requested because another worker finished",
    "start timeout": "stop requested because it was not ready in time",
    "start failed": "stop requested because it said that it will not get ready",
    "liveness": "stop requested because its health check failed",
    "watchdog": "stop requested because its watchdog message was overdue",
    "drill": "stop requested by the drill",
}


def failing(one: Shutdown) -> str:
    """Return why we stopped a worker by ourselves, and where it was at the looks of its agent: ``/health did not
    answer 3 times in 30 s; the event loop was blocked at views.py:88 in fetch at 3 of 3 looks``.
    """
    looks = [_place(failed) for failed in one.tries if failed.what is not None]
    if not looks:
        return one.cause or ""
    place = max(looks, key=looks.count)
    count = looks.count(place)
    times = "" if len(looks) == 1 else f" at {count} of {len(looks)} looks"
    return f"{one.cause}; {place}{times}"


def _place(failed: FailedTry) -> str:
    at = failed.where
    if at is None:
        return failed.what or ""
    return f"{failed.what} at {at.file.rpartition('/')[2]}:{at.line} in {at.function}"


def asked(one: Shutdown) -> str:
    """Return who requested the stop: ``stop requested with `supervisor stop` (pid 41)``."""
    if one.direct_signal is not None:
        return f"it received {signum.name(one.direct_signal)} directly, not through the supervisor"
    if one.asked_by == "self":
        return unasked(one)
    times = f" {one.requests} times, first" if one.requests > 1 else ""
    kind, _, what = one.asked_by.partition(" ")
    if kind == "command":
        return f"stop requested{times} with `supervisor {what}`{_sender(one)}"
    if kind == "signal":
        return f"stop requested{times} by {what}{_sender(one)}"
    if one.cause is not None:
        return f"{_REASONS.get(one.asked_by, f'stop requested by {one.asked_by}')}: {failing(one)}"
    return _REASONS.get(one.asked_by, f"stop requested{times} by {one.asked_by}{_sender(one)}")


# Signals that a program brings upon itself: its own error, a limit, a timer, a reader that has gone.
_OWN = frozenset(
    signum.NUMBERS[f"SIG{name}"] for name in "ILL TRAP ABRT BUS FPE SEGV PIPE ALRM XCPU XFSZ VTALRM PROF SYS".split()
)
_SENDERS = {
    signum.INT: " (Ctrl-C sends this signal)",
    signum.QUIT: " (Ctrl-\\ sends this signal)",
    signum.KILL: " (the kernel sends it, too, when memory runs out)",
}


def unasked(one: Shutdown) -> str:
    """Return what is known of an end without a stop request: ``no stop was requested (Ctrl-C sends this signal)``."""
    if by_itself(one):
        return "it ended by itself"
    return f"no stop was requested{_SENDERS.get(one.signal or 0, '')}"


def by_itself(one: Shutdown) -> bool:
    """Return whether a worker ended of its own accord: no signal ended it but for one that its own code causes."""
    return one.signal is None or one.signal in _OWN


def _sender(one: Shutdown) -> str:
    return f" (pid {one.asked_by_pid})" if one.asked_by_pid else ""


def finished_last(name: str, held: Hold) -> str:
    """Return who ended last and how long the others waited: ```api` finished last, 218 ms after the others``."""
    return f"{name} finished last, {duration(held.alone)} after the others"


def bar(share: float, width: int) -> str:
    """Return ``share`` (0 to 1) as a bar of ``width`` columns; anything above 0 shows at least a sliver."""
    filled = min(max(share, 0.0), 1.0) * width
    whole = int(filled)
    rest = int((filled - whole) * 8)
    text = "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
    if not text and share > 0:
        text = "▏"
    return text + "░" * (width - len(text))
