"""Who is left when the main process has ended, as transcripts (notation: test_transcripts.py)."""

from __future__ import annotations

from tests.core.script import wrap


def test_in_the_group() -> None:
    """They had the signal with the group; they climb with the ladder."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 in the group
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 found 11 in the group
        >> 13.2 somebody ended
        << survey
        >> 13.2 found nobody
        << reap
        << report: clean, code 0, 10.2 s, asked by signal SIGTERM, 11 killed
        == over, code 0
        """,
    )


def test_escaped() -> None:
    """After a stop request those outside the group are ended too."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 outside
        << SIGTERM to 11
        >> 3.5 somebody ended
        << survey
        >> 3.5 found nobody
        << reap
        << report: clean, code 0, 0.5 s, asked by signal SIGTERM, 11 ended
        == over, code 0
        """,
    )


def test_a_pid_that_is_used_again() -> None:
    """Another process under the pid of one that was told: it has had nothing yet, and is counted for itself. Its ten
    seconds begin with its own signal."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 outside
        << SIGTERM to 11
        >> 5 somebody ended
        << survey
        >> 5 found 11 outside born at 4.5
        << SIGTERM to 11
        >> 15 tick
        << survey
        >> 15.05 found 11 outside born at 4.5
        << SIGKILL to 11
        >> 15.1 somebody ended
        << survey
        >> 15.1 found nobody
        << reap
        << report: clean, code 0, 12.1 s, asked by signal SIGTERM, 11 ended, 11 killed
        == over, code 0
        """,
    )


def test_born_after_the_signal() -> None:
    """Who was not there when the group was signalled is told by itself; the others are not told twice."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4.2 exits 0
        << survey
        >> 4.2 found 11 in the group, 12 in the group born at 3.5
        << SIGTERM to 12
        >> 4.4 somebody ended
        << survey
        >> 4.4 found 12 in the group born at 3.5
        >> 4.5 somebody ended
        << survey
        >> 4.5 found nobody
        << reap
        << report: clean, code 0, 1.5 s, asked by signal SIGTERM, 11 ended, 12 ended
        == over, code 0
        """,
    )


def test_born_while_killed() -> None:
    """After SIGKILL too: nobody slips through by forking."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 in the group
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 found 11 in the group, 13 in the group born at 13.05
        << SIGKILL to 13
        >> 13.2 somebody ended
        << survey
        >> 13.2 found nobody
        << reap
        << report: clean, code 0, 10.2 s, asked by signal SIGTERM, 11 killed, 13 killed
        == over, code 0
        """,
    )


def test_only_signalled() -> None:
    """--leftovers signal: told once, not waited for."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 in the group, 12 outside
        << SIGTERM to 12
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM, 11 left, 12 left
        == over, code 0
        """,
        leftovers="signal",
    )


def test_left_alone() -> None:
    """--leftovers leave: listed."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 3.2 exits 0
        << survey
        >> 3.2 found 11 in the group, 12 outside
        << reap
        << report: clean, code 0, 0.2 s, asked by signal SIGTERM, 11 left, 12 left
        == over, code 0
        """,
        leftovers="leave",
    )


def test_left_alone_at_sigkill() -> None:
    """Also when the main process needs SIGKILL: it alone gets it (with --child-only)."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the main process
        >> 12.85 tick
        << probe
        << last look
        >> 13 tick
        << SIGKILL to the main process
        << survey
        >> 13.1 found 11 in the group, 12 outside
        >> 13.1 dies of SIGKILL
        << survey
        >> 13.1 found 11 in the group, 12 outside
        << reap
        << report: killed, SIGKILL, 10.1 s, asked by signal SIGTERM, 11 left, 12 left
        == over, SIGKILL
        """,
        leftovers="leave",
        group=False,
    )


def test_escaped_at_sigkill() -> None:
    """Else those outside the group are asked to end, and have the whole ladder: nobody asked them before."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 12.85 tick
        << probe
        << last look
        >> 13 found 12 outside
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 dies of SIGKILL
        << survey
        >> 13.1 found 11 in the group, 12 outside
        << SIGTERM to 12
        >> 23.1 tick
        << survey
        >> 23.2 found 12 outside, 13 outside
        << SIGKILL to 12, 13
        >> 23.3 somebody ended
        << survey
        >> 23.3 found nobody
        << reap
        << report: killed, SIGKILL, 20.3 s, asked by signal SIGTERM, 11 killed, 12 killed, 13 killed
        == over, SIGKILL
        """,
    )


def test_escaped_at_a_second_request() -> None:
    """Somebody is in a hurry: SIGKILL goes to those outside the group as well."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 SIGTERM
        << SIGKILL to the group
        << survey
        >> 4.1 dies of SIGKILL
        << survey
        >> 4.1 found 12 outside
        << SIGKILL to 12
        >> 4.2 somebody ended
        << survey
        >> 4.2 found nobody
        << reap
        << report: killed, SIGKILL, 1.2 s, asked by signal SIGTERM, 12 killed
        == over, SIGKILL
        """,
    )


def test_a_child_only_stop_at_sigkill() -> None:
    """Who was in the group was not asked either."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the main process
        >> 12.85 tick
        << probe
        << last look
        >> 13 tick
        << SIGKILL to the main process
        << survey
        >> 13.1 dies of SIGKILL
        << survey
        >> 13.1 found 11 in the group, 12 outside
        << SIGTERM to 11, 12
        >> 13.2 somebody ended
        << survey
        >> 13.2 found nobody
        << reap
        << report: killed, SIGKILL, 10.2 s, asked by signal SIGTERM, 11 ended, 12 ended
        == over, SIGKILL
        """,
        group=False,
    )


def test_a_stop_is_asked_for_when_the_leftovers_are_killed() -> None:
    """Those outside the group belong to the end only from then on, and were not asked before."""
    wrap(
        """
        >> 3 exits 3
        << survey
        >> 3 found 11 in the group, 12 outside
        << SIGTERM to 11
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 SIGTERM
        << survey
        >> 13.1 found 12 outside
        << SIGTERM to 12
        >> 13.2 somebody ended
        << survey
        >> 13.2 found nobody
        << reap
        << report: failed, code 3, 0.1 s, asked by signal SIGTERM, 11 killed, 12 ended
        == over, code 3
        """,
    )


def test_of_a_child_only_stop() -> None:
    """Nobody but the main process had the signal: each is told."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the main process
        >> 4 exits 0
        << survey
        >> 4 found 11 in the group
        << SIGTERM to 11
        >> 5 somebody ended
        << survey
        >> 5 found nobody
        << reap
        << report: clean, code 0, 2 s, asked by signal SIGTERM, 11 ended
        == over, code 0
        """,
        group=False,
    )


def test_nobody_asked() -> None:
    """The main process ends by itself: its group gets the ladder, escapees are listed, not killed."""
    wrap(
        """
        >> 3 exits 3
        << survey
        >> 3 found 11 in the group, 12 outside
        << SIGTERM to 11
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 found 11 in the group, 12 outside
        >> 13.2 somebody ended
        << survey
        >> 13.2 found 12 outside
        << reap
        << report: failed, code 3, 10.2 s, by itself, 11 killed, 12 left
        == over, code 3
        """,
    )


def test_only_escapees_and_nobody_asked() -> None:
    """A shell may have started tmux or gpg-agent."""
    wrap(
        """
        >> 3 exits 0
        << survey
        >> 3 found 12 outside
        << reap
        << report: clean, code 0, 0 s, by itself, 12 left
        == over, code 0
        """,
    )


def test_pid_1() -> None:
    """As PID 1 whatever is left is ours to end."""
    wrap(
        """
        >> 3 exits 0
        << survey
        >> 3 found 12 outside
        << SIGTERM to 12
        >> 4 somebody ended
        << survey
        >> 4 found nobody
        << reap
        << report: clean, code 0, 1 s, by itself, 12 ended
        == over, code 0
        """,
        init=True,
    )


def test_asked_while_they_are_ended() -> None:
    """The request is passed on, and adds those outside the group; the ladder does not begin again."""
    wrap(
        """
        >> 3 exits 0
        << survey
        >> 3 found 11 in the group, 12 outside
        << SIGTERM to 11
        >> 5 SIGTERM
        << SIGTERM to the group
        << survey
        >> 5 found 11 in the group, 12 outside
        << SIGTERM to 12
        >> 15 tick
        << SIGKILL to the group
        << survey
        >> 15.1 found 11 in the group, 12 outside
        << SIGKILL to 12
        >> 15.5 somebody ended
        << survey
        >> 15.5 found nobody
        << reap
        << report: clean, code 0, 10.5 s, asked by signal SIGTERM, 11 killed, 12 killed
        == over, code 0
        """,
    )


def test_stuck() -> None:
    """A last look, then we leave; the main process's own exit code stands."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 exits 0
        << survey
        >> 4 found 11 in the group
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.5 found 11 in the group
        >> 18 found 11 in the group
        << reap
        << report: stuck, code 0, asked by signal SIGTERM, 11 left
        == over, code 0
        """,
    )


def test_end_unnoticed() -> None:
    """If nobody said that they had ended, the last look finds out."""
    wrap(
        """
        >> 3 SIGTERM
        << SIGTERM to the group
        >> 4 exits 0
        << survey
        >> 4 found 11 in the group
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.5 found 11 in the group
        >> 18 found nobody
        << reap
        << report: clean, code 0, 15 s, asked by signal SIGTERM, 11 killed
        == over, code 0
        """,
    )


def test_killed_by_somebody_else() -> None:
    """SIGKILL was ours for the leftover only: the main process counts as signalled."""
    wrap(
        """
        >> 3 dies of SIGKILL
        << survey
        >> 3 found 11 in the group
        << SIGTERM to 11
        >> 13 tick
        << SIGKILL to the group
        << survey
        >> 13.1 found nobody
        << reap
        << report: signalled, SIGKILL, 10.1 s, by itself, 11 killed
        == over, SIGKILL
        """,
    )
