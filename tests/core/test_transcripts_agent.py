"""The start, job control and the agent, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from tests.core.script import wrap


def test_job_control() -> None:
    """Ctrl-Z stops the worker and then us; `fg` continues both."""
    wrap(
        """
        >> 3 stopped by SIGTSTP
        << suspend ourselves with SIGTSTP and our job
        >> 9 SIGCONT
        << foreground
        << SIGCONT to the group (passed on)
        >> 9 continued
        >> 10 exits 0
        << survey
        >> 10 found nobody
        << reap
        << report: clean, code 0, 0 s, by itself
        == over, code 0
        """,
        terminal=True,
    )


def test_suspended_from_outside() -> None:
    """A stop signal sent to us is passed on, and stops us too."""
    wrap(
        """
        >> 3 SIGTSTP
        << SIGTSTP to the group (passed on)
        << suspend ourselves with SIGTSTP
        >> 3 stopped by SIGTSTP
        >> 9 SIGCONT
        << foreground
        << SIGCONT to the group (passed on)
        == waiting for an event
        """,
    )


def test_stop_of_a_stopped_worker() -> None:
    """It must run to die: SIGCONT follows the signal, only when it is stopped."""
    wrap(
        """
        >> 3 stopped by SIGSTOP
        >> 4 SIGTERM
        << SIGTERM to the group, then SIGCONT
        >> 4 continued
        >> 4.1 exits 0
        << survey
        >> 4.1 found nobody
        << reap
        << report: clean, code 0, 0.1 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_stopped_while_it_stops() -> None:
    """Ctrl-Z during a stop does not suspend us: the ladder goes on, and wakes it at the next rung."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 stopped by SIGTSTP
        >> 5 tick
        << SIGINT to the group, then SIGCONT
        >> 6 exits 0
        << survey
        >> 6 found nobody
        << reap
        << report: clean, code 0, 3 s, asked by signal SIGTERM
        == over, code 0
        """,
        terminal=True,
        escalation="TERM/2/INT/5/KILL",
    )


def test_not_found() -> None:
    """exec failed with ENOENT: 127."""
    wrap(
        """
        >> 0 forked
        >> 0.1 cannot exec 2
        >> 0.1 exits 127
        << reap
        << report: failed, code 127, 0 s, by itself
        == over, code 127
        """,
        by_hand=True,
    )


def test_not_executable_during_a_stop() -> None:
    """exec fails while it is already being stopped: still the failure to start is told, 126."""
    wrap(
        """
        >> 0 forked
        >> 0.05 SIGTERM
        << SIGTERM to the group
        >> 0.1 cannot exec 13
        >> 0.1 dies of SIGTERM
        << reap
        << report: failed, code 126, 0.05 s, asked by signal SIGTERM
        == over, code 126
        """,
        by_hand=True,
    )


def test_agent_is_armed_before_the_signal() -> None:
    """With an agent the signal waits until it is ready to watch."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.002 agent is armed
        << SIGTERM to the group
        >> 3.01 agent says noticed
        >> 3.4 agent says drained
        >> 3.5 agent says cleaned
        >> 3.6 exits 0
        << survey
        >> 3.6 found nobody
        << reap
        << report: clean, code 0, 0.598 s, asked by signal SIGTERM
        == over, code 0
        """,
    )


def test_agent_does_not_answer() -> None:
    """It waits 0.25 s and no longer; before SIGKILL the stacks are asked for once more, at last in C."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.25 tick
        << SIGTERM to the group
        >> 13.1 tick
        << probe
        << last look
        >> 13.175 tick
        << dump
        >> 13.25 tick
        << SIGKILL to the group
        << survey
        >> 13.35 found nobody
        >> 13.45 dies of SIGKILL
        << survey
        >> 13.45 found nobody
        << reap
        << report: killed, SIGKILL, 10.2 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
    )


def test_asked_again_while_the_signal_waits() -> None:
    """Asking again hurries even then."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.05 SIGTERM
        >> 3.1 SIGTERM
        << SIGTERM to the group
        >> 3.3 exits 0
        << survey
        >> 3.3 found nobody
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM
        == over, code 0
        """,
        escalation="none",
    )


def test_short_grace_and_agent() -> None:
    """A rung shorter than the wait for the agent: it is no shorter for that, counted from its signal."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.25 tick
        << SIGTERM to the group
        << probe
        << last look
        >> 3.275 tick
        << dump
        >> 3.35 tick
        << SIGKILL to the group
        << survey
        >> 3.4 found nobody
        >> 3.4 dies of SIGKILL
        << survey
        >> 3.4 found nobody
        << reap
        << report: killed, SIGKILL, 0.15 s, asked by signal SIGTERM
        == over, SIGKILL
        """,
        escalation="TERM/0.1/KILL",
    )


def test_ended_while_the_signal_waits() -> None:
    """It needs none any more."""
    wrap(
        """
        >> 1 agent says hello
        >> 3 SIGTERM
        << probe
        >> 3.05 exits 0
        << survey
        >> 3.05 found 11 in the group
        << SIGTERM to 11
        >> 3.2 somebody ended
        << survey
        >> 3.2 found nobody
        << reap
        << report: clean, code 0, 0.15 s, asked by signal SIGTERM, 11 ended
        == over, code 0
        """,
    )
