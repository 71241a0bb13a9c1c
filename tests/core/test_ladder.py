"""The escalation grammar: what is read, what is refused and how it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.core.ladder import (
    AFTER_KILL,
    DEFAULT,
    LONGEST,
    Ladder,
    LadderError,
    Rung,
    with_grace,
    with_stop_signal,
)
from supervisor.core.ladder import parse as ladder

TERM, INT, KILL = 15, 2, 9


def rungs(*pairs: tuple[int, float | None]) -> Ladder:
    return Ladder(tuple(Rung(signal, wait) for signal, wait in pairs))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEFAULT, rungs((TERM, 10), (KILL, AFTER_KILL))),
        ("none", rungs((TERM, None))),
        ("10", rungs((TERM, 10), (KILL, AFTER_KILL))),
        ("0", rungs((TERM, 0), (KILL, AFTER_KILL))),
        ("0.5", rungs((TERM, 0.5), (KILL, AFTER_KILL))),
        ("TERM", rungs((TERM, None))),
        ("KILL", rungs((KILL, AFTER_KILL))),
        ("KILL/1", rungs((KILL, 1))),
        ("TERM/10/INT", rungs((TERM, 10), (INT, None))),
        ("TERM/10/INT/5/KILL", rungs((TERM, 10), (INT, 5), (KILL, AFTER_KILL))),
        ("TERM/10/KILL/2", rungs((TERM, 10), (KILL, 2))),
        ("-TERM/10/-KILL", rungs((TERM, 10), (KILL, AFTER_KILL))),
        ("sigterm/10/9", None),
        ("-15/10/-9", rungs((TERM, 10), (KILL, AFTER_KILL))),
        ("RTMIN+3/1/KILL", rungs((37, 1), (KILL, AFTER_KILL))),
    ],
)
def test_parse(text: str, expected: Ladder | None) -> None:
    if expected is None:
        with pytest.raises(LadderError):
            ladder(text)
    else:
        assert ladder(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "neither a signal nor a number of seconds"),
        ("TERM/", "neither a signal nor a number of seconds"),
        ("TREM/10/KILL", "'TREM' in 'TREM/10/KILL' is neither a signal"),
        ("TERM/ten/KILL", "'ten'"),
        ("TERM/nan/KILL", "'nan'"),
        ("TERM/inf/KILL", "'inf'"),
        ("TERM/1e9/KILL", "'1e9'"),
        ("10/KILL", "begins with a wait"),
        ("TERM/10/5/KILL", "two waits in a row at '5'"),
        ("TERM/KILL", "no wait before KILL"),
        ("TERM/10", "ends with a wait; add /KILL"),
        ("KILL/5/TERM/1/KILL", "goes on after KILL"),
        ("STOP/5/KILL", "never ends a process"),
        ("CHLD", "never ends a process"),
        ("NONE", "'NONE'"),
    ],
)
def test_refused(text: str, says: str) -> None:
    with pytest.raises(LadderError) as caught:
        ladder(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "grace"),
    [("TERM/10/KILL", 10.0), ("TERM/10/INT/5/KILL", 15.0), ("KILL", 0.0), ("none", None), ("TERM/10/INT", None)],
)
def test_grace(text: str, grace: float | None) -> None:
    assert ladder(text).grace == grace
    assert ladder(text).patient == (text == "none")


def test_grace_of_nothing() -> None:
    assert Ladder(()).grace is None


def test_edited() -> None:
    assert str(with_grace(ladder(DEFAULT), 2.5)) == "TERM/2.5/KILL"
    assert str(with_grace(ladder("none"), 3)) == "TERM/3/KILL"
    assert str(with_stop_signal(ladder("TERM/10/INT/5/KILL"), 3)) == "QUIT/10/INT/5/KILL"
    assert ladder(DEFAULT).with_kill() == ladder(DEFAULT)
    assert ladder("TERM/10/INT").with_kill() == rungs((TERM, 10), (INT, None), (KILL, AFTER_KILL))


NAMES = st.sampled_from(["TERM", "INT", "QUIT", "HUP", "USR1"])
WAITS = st.floats(0, LONGEST).map(lambda value: f"{value:g}").filter(lambda text: float(text) <= LONGEST)


@given(st.lists(st.tuples(NAMES, WAITS), max_size=4), st.sampled_from(["KILL", "KILL/1", "INT"]))
def test_reads_back(parts: list[tuple[str, str]], last: str) -> None:
    """What is shown can be given as an option again, and means the same."""
    text = "/".join([*(f"{name}/{wait}" for name, wait in parts), last])
    assert ladder(str(ladder(text))) == ladder(text)
