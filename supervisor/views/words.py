"""How we say things: durations, sizes, signals, ends. One word for one thing. Pure."""

from __future__ import annotations

from supervisor.core import redact, signum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.record import Shutdown


def duration(seconds: float) -> str:
    """``0.4 ms``, ``85 ms``, ``1.24 s``, ``2 min 05 s``, ``3 h 07 min``."""
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def instant(seconds: float) -> str:
    """As :func:`duration`; zero, where everything counts from, is ``0 s``."""
    return duration(seconds) if seconds else "0 s"


def size(count: float) -> str:
    """Bytes as ``640 B``, ``12 kB``, ``31.5 MB``, ``2.1 GB`` (powers of 1000)."""
    for unit, scale, digits in (("GB", 1e9, 1), ("MB", 1e6, 1), ("kB", 1e3, 0)):
        if count >= scale:
            return f"{count / scale:.{digits}f} {unit}"
    return f"{count:.0f} B"


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 process``, ``3 processes``."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def command(argv: tuple[str, ...], width: int = 60) -> str:
    """A command line without its secrets, cut to ``width`` columns."""
    import shlex

    text = " ".join(shlex.quote(word) for word in redact.argv(argv))
    return text if len(text) <= width else text[: width - 1] + "…"


def ended(one: Shutdown) -> str:
    """``exited with 0``, ``died of SIGTERM``, ``had to be killed (SIGKILL)``, ``could not be started (127)``."""
    if not one.started:
        return f"could not be started ({one.exit_code})"
    if one.outcome == "stuck":
        return "did not die of SIGKILL (stuck in the kernel)"
    if one.signal is None:
        return f"exited with {one.exit_code}"
    if one.outcome == "killed":
        return "was killed (SIGKILL) before its grace was over" if one.hurried else "had to be killed (SIGKILL)"
    return f"died of {signum.name(one.signal)}"


def asked(one: Shutdown) -> str:
    """Who asked for the stop."""
    if one.direct_signal is not None:
        return f"{signum.name(one.direct_signal)} came to it past the supervisor"
    if one.asked_by == "self":
        return "it ended by itself"
    sender = f" from pid {one.asked_by_pid}" if one.asked_by_pid else ""
    times = f"{one.requests} times, first " if one.requests > 1 else ""
    return f"asked {times}by {one.asked_by}{sender}"


def bar(share: float, width: int) -> str:
    """``share`` in 0..1 as a bar of ``width`` columns; anything above 0 shows at least a sliver."""
    filled = min(max(share, 0.0), 1.0) * width
    whole = int(filled)
    rest = int((filled - whole) * 8)
    text = "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
    if not text and share > 0:
        text = "▏"
    return text + "░" * (width - len(text))
