"""Signals pass through: all of them, in order, rewritten or dropped, to the group or to the main process alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.processes import Wrapped, children, python, state, until

NONE = ("--escalation", "none")
# 32 and 33 belong to glibc's threads; KILL and STOP cannot be caught, CHLD is about our own children.
SUSPENDING = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
STANDARD = sorted(set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD} - SUSPENDING)
REALTIME = list(range(34, 65))


def test_every_signal_is_forwarded_in_order() -> None:
    with Wrapped(python("print_signals.py"), *NONE) as wrapped:
        wrapped.ready()
        for number in [*STANDARD, *REALTIME, *reversed(STANDARD)]:
            wrapped.send(number)
            assert wrapped.line() == str(number)


def test_realtime_signals_queue_and_keep_their_number() -> None:
    with Wrapped(python("print_signals.py"), *NONE) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGSTOP)
        until(lambda: state(wrapped.pid) == "T", "supervisor stopped")
        wrapped.send(*[40] * 5, *[36] * 5, signal.SIGCONT)
        # The kernel delivers SIGCONT first (lowest number), then real-time signals, lowest number first (signal(7)).
        assert wrapped.lines(11) == ["18", *["36"] * 5, *["40"] * 5]


def test_rewritten_and_dropped() -> None:
    rules = ["TERM:INT", "INT:TERM", "USR1:RTMIN+2", "RTMIN+3:USR2", "HUP:0", "WINCH:0"]
    options = [word for rule in rules for word in ("--rewrite", rule)]
    with Wrapped(python("print_signals.py"), *NONE, *options) as wrapped:
        wrapped.ready()
        for sent, arrives in ((15, 2), (2, 15), (10, 36), (37, 12), (1, None), (28, None), (3, 3)):
            wrapped.send(sent)
            if arrives is not None:
                assert wrapped.line() == str(arrives)


def test_a_dropped_signal_starts_no_ladder() -> None:
    with Wrapped(python("print_signals.py"), "--escalation", "TERM/0/KILL", "-r", "TERM:0", "-v") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        until(lambda: "SIGTERM dropped" in wrapped.stderr, "the note")
        wrapped.send(signal.SIGUSR1)
        assert wrapped.line() == "10"


@pytest.mark.parametrize(("options", "told"), [((), True), (("--child-only",), False)])
def test_group_or_main_process_alone(options: tuple[str, ...], told: bool) -> None:
    script = f"{sys.executable} -ES {python('print_signals.py')[2]} & trap 'echo main' USR1; while :; do wait; done"
    with Wrapped(["sh", "-c", script], *NONE, *options) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGUSR1)
        expected = {"main", "10"} if told else {"main"}
        assert {wrapped.line() for _ in expected} == expected
        if not told:
            os.kill(children(wrapped.main)[0], signal.SIGUSR2)
            assert wrapped.line() == "12", "the member got no signal before this one"


@pytest.mark.parametrize("number", sorted(SUSPENDING))
def test_a_stop_signal_suspends_the_supervisor_as_well(number: int) -> None:
    with Wrapped(python("print_signals.py"), *NONE) as wrapped:
        wrapped.ready()
        wrapped.send(number)
        assert wrapped.line() == str(int(number))
        until(lambda: state(wrapped.pid) == "T", "supervisor stopped")
        wrapped.send(signal.SIGCONT)
        assert wrapped.line() == "18"


def test_a_stop_signal_is_only_forwarded_where_nobody_could_continue_us() -> None:
    """A session of our own: the group is orphaned, the kernel stops nobody in it."""
    with Wrapped(python("print_signals.py"), *NONE, process_group=None, start_new_session=True) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTSTP, signal.SIGUSR1)
        assert sorted(wrapped.lines(2)) == ["10", "20"]
        assert state(wrapped.pid) != "T"


def test_signals_sent_while_the_supervisor_was_stopped_arrive() -> None:
    with Wrapped(python("print_signals.py", "once"), *NONE) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGSTOP)
        until(lambda: state(wrapped.pid) == "T", "supervisor stopped")
        wrapped.send(signal.SIGTERM)
        wrapped.send(signal.SIGCONT)
        assert wrapped.line() == "15"
        assert wrapped.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_instant_of_the_start_ends_both(number: int) -> None:
    """Before the fork it ends us, after it the command; nobody is left behind in either case."""
    with contextlib.ExitStack() as stack:
        runs = []
        for milliseconds in range(0, 45, 3):
            wrapped = stack.enter_context(Wrapped(["sleep", "60"], stdout=subprocess.DEVNULL))
            time.sleep(milliseconds / 1000)  # spreads them over the start; nothing depends on where they hit
            wrapped.send(number)
            runs.append(wrapped)
        for wrapped in runs:
            assert wrapped.wait() == -number
            assert wrapped.stderr == ""
            assert wrapped.alive() == []
