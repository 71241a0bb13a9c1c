"""Names and numbers of signals agree with the system's."""

from __future__ import annotations

import signal

import pytest

from supervisor.core import signum


def test_numbers_are_the_systems() -> None:
    """The `signal` module is not imported at run time; here it is the truth."""
    theirs = {one.name: one.value for one in signal.Signals if one.value < 32}
    assert theirs == signum.NUMBERS
    assert {name: getattr(signal, name).value for name in signum.ALIASES} == signum.ALIASES
    assert (signum.RTMIN, signum.RTMAX) == (signal.SIGRTMIN, signal.SIGRTMAX)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TERM", 15),
        ("SIGTERM", 15),
        ("sigterm", 15),
        ("term", 15),
        ("15", 15),
        ("64", 64),
        ("IOT", 6),
        ("POLL", 29),
        ("CLD", 17),
        ("RTMIN", 34),
        ("RTMIN+3", 37),
        ("SIGRTMAX", 64),
        ("RTMAX-1", 63),
        ("RTMAX-30", 34),
        ("0", None),
        ("32", None),
        ("33", None),
        ("65", None),
        ("", None),
        ("SIG", None),
        ("TERMX", None),
        ("RTMIN-1", None),
        ("RTMIN+31", None),
        ("RTMIN+", None),
        ("RTMIN+x", None),
        ("RTMAX+1", None),
        ("RTMAX-31", None),
        ("-15", None),
        ("1.5", None),
    ],
)
def test_number(text: str, number: int | None) -> None:
    assert signum.number(text) == number


@pytest.mark.parametrize(
    ("number", "name"),
    [(15, "SIGTERM"), (6, "SIGABRT"), (34, "SIGRTMIN"), (37, "SIGRTMIN+3"), (64, "SIGRTMIN+30"), (99, "signal 99")],
)
def test_name(number: int, name: str) -> None:
    assert signum.name(number) == name


def test_every_name_reads_back() -> None:
    for number in (*range(1, 32), *range(34, 65)):
        assert signum.number(signum.name(number)) == number


def test_forwarded() -> None:
    """1-31 but KILL, STOP and CHLD, and the real-time ones."""
    assert set(range(1, 65)) - signum.FORWARDED == {signum.KILL, signum.STOP, signum.CHLD, 32, 33}
    assert {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP} == signum.STOP_REQUESTS
    assert {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU} == signum.SUSPENDS
