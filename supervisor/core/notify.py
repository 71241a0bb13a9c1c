"""What a service says over sd_notify(3): one datagram in, one frozen message out. Pure.

A datagram is a list of ``KEY=VALUE`` lines. As in systemd (src/core/manager.c, src/core/service.c) the first line of
a key counts, unknown keys are ignored, and a number is a plain decimal: ``EXTEND_TIMEOUT_USEC=-1`` says nothing.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Watchdog: TypeAlias = Literal["ping", "trigger"]

# Bytes of a datagram that are read (NOTIFY_BUFFER_MAX in systemd 252 is a page, 4096): a longer one is dropped whole.
MOST_BYTES = 4096
# Characters of a STATUS that are kept: it is shown in one line of `status` and of the dashboard.
MOST_STATUS = 500
_LARGEST = 2**64 - 1  # numbers are unsigned 64-bit there; a larger one is no number


class Message(Frozen):
    """One datagram. None: its key was absent or its value was malformed. Durations are seconds.

    ``monotonic`` is the CLOCK_MONOTONIC instant that goes with ``reloading``. ``watchdog_every`` 0 switches the
    watchdog off. ``main_pid`` is what MAINPID said; it is told and never believed. ``odd`` are lines that were
    malformed, at most three, so that one sentence can name them. ``storing`` are the lines that ask for descriptors
    to be stored, or removed from there (FDSTORE), as they came.
    """

    ready: bool = False
    reloading: bool = False
    stopping: bool = False
    monotonic: float | None = None
    status: str | None = None
    errno: int | None = None
    exit_status: int | None = None
    watchdog: Watchdog | None = None
    watchdog_every: float | None = None
    extend: float | None = None
    main_pid: int | None = None
    barrier: bool = False
    storing: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


def parse(data: bytes) -> Message:
    """Return what one datagram says; anything may be in it."""
    said: dict[str, str] = {}
    odd: list[str] = []
    for raw in data.rstrip(b"\0").split(b"\n"):
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            odd.append(raw.decode(errors="replace"))
            continue
        key, equals, value = line.partition("=")
        if equals and key:
            said.setdefault(key, value)
        elif line:
            odd.append(line)

    def number(key: str, most: int = _LARGEST) -> int | None:
        text = said.get(key)
        if text is None:
            return None
        # isdecimal() is true of other scripts' digits too; int() of thousands of digits raises (bpo-95778).
        if text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) <= most:
            return int(text)
        odd.append(f"{key}={text}")
        return None

    def seconds(key: str) -> float | None:
        found = number(key)
        return None if found is None else found / 1e6

    status = said.get("STATUS")
    return Message(
        ready=said.get("READY") == "1",
        reloading=said.get("RELOADING") == "1",
        stopping=said.get("STOPPING") == "1",
        monotonic=seconds("MONOTONIC_USEC"),
        status=None if status is None else status[:MOST_STATUS],
        errno=number("ERRNO", 4095),
        exit_status=number("EXIT_STATUS", 255),
        watchdog=_WATCHDOG.get(said.get("WATCHDOG", "")),
        watchdog_every=seconds("WATCHDOG_USEC"),
        extend=seconds("EXTEND_TIMEOUT_USEC"),
        main_pid=number("MAINPID", 2**31 - 1),
        barrier=said.get("BARRIER") == "1",
        storing=_storing(said),
        odd=tuple(line[:MOST_STATUS] for line in odd[:3]),
    )


def _storing(said: dict[str, str]) -> tuple[str, ...]:
    """Return the lines about the manager's store of descriptors."""
    if "1" not in (said.get("FDSTORE"), said.get("FDSTOREREMOVE")):
        return ()
    return tuple(f"{key}={said[key]}" for key in ("FDSTORE", "FDSTOREREMOVE", "FDNAME", "FDPOLL") if key in said)


_WATCHDOG: dict[str, Watchdog] = {"1": "ping", "trigger": "trigger"}
