"""How one command is stopped, as transcripts: the specification (docs/architecture.md, "Stop semantics").

``>>`` with seconds: what happens. ``<<``: what the supervisor does. ``==``: where it stands in the end.
"""

from __future__ import annotations

from tests.core.script import wrap


def test_clean_stop() -> None:
    """A stop request is forwarded as received and stands in for rung 1."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.25 exits 0
        << survey
        >> 3.25 found nobody
        << reap
        << report: clean, code 0, 0.25 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_another_stop_signal() -> None:
    """Each of TERM, INT, QUIT and HUP is a stop request, and is what the worker gets."""
    wrap(
        """
        >> 3 SIGINT
        << SIGINT to the group
        >> 3.2 dies of SIGINT
        << survey
        >> 3.2 found nobody
        << reap
        << report: signalled, SIGINT, 0.2 s, asked by signal SIGINT
        == over, SIGINT
        """,
    )


def test_own_signal() -> None:
    """Unless the ladder's first signal was chosen by name for everything."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGINT to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found nobody
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM
        == over, code 0
        """,
        escalation="INT/5/KILL",
        own_signal=True,
    )


def test_hangup_by_the_kernel() -> None:
    """The terminal has gone: a stop request like any other."""
    wrap(
        """
        >> 3 SIGHUP from the terminal
        << SIGHUP to the group
        >> 3.2 dies of SIGHUP
        << survey
        >> 3.2 found nobody
        << reap
        << report: signalled, SIGHUP, 0.2 s, asked by signal SIGHUP
        == over, SIGHUP
        """,
    )


def test_rewritten() -> None:
    """--rewrite TERM:INT; the report says who asked and what was sent."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGINT to the group
        >> 3.2 dies of SIGINT
        << survey
        >> 3.2 found nobody
        << reap
        << report: signalled, SIGINT, 0.2 s, asked by signal SIGTERM
        == over, SIGINT
        """,
        rewrite=((15, 2),),
    )


def test_escalation() -> None:
    """TERM, ten seconds, INT, five seconds, KILL; 150 ms before KILL a last look at what hangs."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 13 tick
        << SIGINT to the group
        >> 17.85 tick
        << probe
        << last look
        >> 18 tick
        << SIGKILL to the group
        << survey
        >> 18.1 found nobody
        >> 18.1 dies of SIGKILL
        << survey
        >> 18.1 found nobody
        << reap
        << report: killed, SIGKILL, 15.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        escalation="TERM/10/INT/5/KILL",
    )


def test_asked_three_times() -> None:
    """Asking again hurries: the next rung at once; the third request is KILL."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 SIGTERM
        << SIGINT to the group
        >> 5 SIGTERM
        << SIGKILL to the group
        << survey
        >> 5.1 found nobody
        >> 5.2 dies of SIGKILL
        << survey
        >> 5.2 found nobody
        << reap
        << report: killed, SIGKILL, 2.2 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        escalation="TERM/10/INT/5/QUIT/5/KILL",
    )


def test_asked_twice_in_one_millisecond() -> None:
    """Two requests closer than 0.1 s are one; both are forwarded."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.0005 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found nobody
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_patient() -> None:
    """`none` never escalates, however often it is asked."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 SIGTERM
        << SIGTERM to the group
        >> 5 SIGTERM
        << SIGTERM to the group
        >> 600 exits 0
        << survey
        >> 600 found nobody
        << reap
        << report: clean, code 0, 597 s, asked by signal SIGTERM
        == over, code 0
        """,
        escalation="none",
    )


def test_only_kill() -> None:
    """A ladder that begins with KILL: whatever asked, SIGKILL is what it gets."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGKILL to the group
        << survey
        >> 3.01 found nobody
        >> 3.1 dies of SIGKILL
        << survey
        >> 3.1 found nobody
        << reap
        << report: killed, SIGKILL, 0.1 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        escalation="KILL",
    )


def test_control_c_at_the_terminal() -> None:
    """An interactive shell must survive it: passed on, no ladder."""
    wrap(
        """
        >> 3 SIGINT from the terminal
        << SIGINT to the group (passed on)
        >> 3 SIGQUIT from the terminal
        << SIGQUIT to the group (passed on)
        >> 60 time passes
        == waiting for an event
        """,
    )


def test_control_c_while_it_stops() -> None:
    """And it does not hurry a stop that is under way."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 SIGINT from the terminal
        << SIGINT to the group (passed on)
        >> 5 exits 0
        << survey
        >> 5 found nobody
        << reap
        << report: clean, code 0, 2 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_dropped_signal() -> None:
    """TERM:0 neither starts nor hurries anything."""
    wrap(
        """
        >> 3 SIGTERM
        << note: SIGTERM dropped, as --rewrite says
        >> 4 SIGINT
        << SIGINT to the group
        >> 4.5 SIGTERM
        << note: SIGTERM dropped, as --rewrite says
        >> 5 exits 130
        << survey
        >> 5 found nobody
        << reap
        << report: failed, code 130, 1 s, asked by signal SIGINT
        == over, code 130
        """,
        rewrite=((15, 0),),
    )


def test_other_signals() -> None:
    """Every other signal is only forwarded."""
    wrap(
        """
        >> 1 SIGUSR1
        << SIGUSR1 to the group (passed on)
        >> 2 SIGWINCH
        << SIGWINCH to the group (passed on)
        >> 60 time passes
        == waiting for an event
        """,
    )


def test_child_only() -> None:
    """The main process alone is signalled, also with SIGKILL."""
    wrap(
        """
        >> 1 SIGUSR1
        << SIGUSR1 to the main process (passed on)
        >> 3 SIGTERM
        << SIGTERM to the main process
        >> 12.85 tick
        << probe
        << last look
        >> 13 tick
        << SIGKILL to the main process
        << survey
        >> 13.1 found nobody
        >> 13.2 dies of SIGKILL
        << survey
        >> 13.2 found nobody
        << reap
        << report: killed, SIGKILL, 10.2 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        group=False,
    )


def test_stuck() -> None:
    """After SIGKILL there is a deadline too: five seconds, then we give up and leave."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 12.85 tick
        << probe
        << last look
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.5 found nobody
        >> 18 tick
        << give up
        << report: stuck, no status, asked by signal SIGTERM
        >> 60 time passes
        == over, code 125
        """,
    )


def test_ended_by_itself() -> None:
    """Nobody asked: zero is the end of the main process."""
    wrap(
        """
        >> 3 exits 7
        << survey
        >> 3 found nobody
        << reap
        << report: failed, code 7, 0 s, by itself
        == over, code 7
        """,
    )


def test_killed_by_somebody_else() -> None:
    """SIGKILL that is not ours (the out-of-memory killer) is no forced end of ours."""
    wrap(
        """
        >> 3 dies of SIGKILL
        << survey
        >> 3 found nobody
        << reap
        << report: signalled, SIGKILL, 0 s, by itself
        == over, SIGKILL
        """,
    )
