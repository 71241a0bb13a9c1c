"""Terminals: job control inside and around the wrapper, keys, and the foreground handed on and back."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys

import pytest

from tests.support.processes import SUPERVISOR, WORKERS, children, gone, python, state, until
from tests.support.terminal import CTRL_C, CTRL_D, CTRL_Z, Session, shell

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash for job control")

RUN = f"{SUPERVISOR} run"
KEYS = shlex.join(python("keys.py"))
BASH = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


def _ready(session: Session) -> int:
    return int(session.expect(r"^ready (\d+)").group(1))


def test_bash_under_run_has_job_control() -> None:
    with Session([SUPERVISOR, "run", "--", *BASH]) as session:
        session.expect("P> ")
        session.type('echo "flags [[$-]]"\n')
        assert "m" in session.expect(r"^flags \[\[(\w+)\]\]\nP> ").group(1)
        inner = session.foreground()
        session.type("cat\n")
        until(lambda: session.foreground() != inner, "cat in front")
        session.type("echoed\n")
        session.expect("^echoed\nechoed\n")
        session.type(CTRL_Z)
        session.expect(r"Stopped +cat\nP> ")
        assert session.foreground() == inner
        session.type("fg\n")
        until(lambda: session.foreground() != inner, "cat in front")
        session.type("again\n")
        session.expect("^again\nagain\n")
        session.type(CTRL_C)
        session.expect("P> ")
        session.type("echo code $?; exit 3\n")
        session.expect("^code 130")
        assert session.exit_code() == 3


def test_ctrl_c_at_an_idle_shell_starts_no_ladder() -> None:
    with Session([SUPERVISOR, "run", "--escalation", "TERM/0/KILL", "--", *BASH]) as session:
        session.expect("P> ")
        for count in range(3):
            session.type(CTRL_C)
            session.expect("P> ")
            session.type(f"echo alive $(({count} + 10))\n")
            session.expect(rf"^alive {count + 10}\nP> ")
        session.type("exit 4\n")
        assert session.exit_code() == 4


def test_ctrl_z_and_fg_on_the_wrapper_itself() -> None:
    with shell() as session:
        session.type(f"{RUN} -- {KEYS}\n")
        main = _ready(session)
        assert session.foreground() == main
        wrapper = children(session.pid)[0]
        for _ in range(2):
            session.type(CTRL_Z)
            session.expect(r"Stopped .*\n?.*P> ")
            assert session.foreground() == session.pid
            assert (state(wrapper), state(main)) == ("T", "T")
            session.type("fg\n")
            session.expect("^continued")
            until(lambda: session.foreground() == main, "the foreground is the command's again")
            session.type("word\n")
            session.expect("^got word")
        session.type("quit\n")
        session.expect("P> ")
        assert session.foreground() == session.pid
        session.type("echo code $?\n")
        session.expect("^code 0")


def test_bg_lets_it_go_on_and_fg_brings_it_back() -> None:
    with shell() as session:
        session.type(f"{RUN} -- {KEYS}\n")
        main = _ready(session)
        session.type(CTRL_Z)
        session.expect("P> ")
        session.type("bg\n")
        session.expect("continued")
        wrapper = children(session.pid)[0]
        until(lambda: state(main) == state(wrapper) == "T", "it asks for keys, which are not its own (SIGTTIN)")
        assert session.foreground() == session.pid
        session.type("\n")
        session.expect(r"Stopped.*\n(.*\n)?P> ")
        session.type("fg\n")
        session.expect("^continued")
        until(lambda: session.foreground() == main, "foreground")
        session.type("word\nquit\n")
        session.expect("^got quit")
        session.expect("P> ")


def test_ctrl_c_reaches_the_command_exactly_once() -> None:
    with shell() as session:
        session.type(f"{RUN} -- {KEYS}\n")
        _ready(session)
        for count in (1, 2, 3):
            session.type(CTRL_C)
            session.expect(rf"^int {count}\n")
        session.type("over\n")
        session.expect("^got over")
        assert len(re.findall(r"^int ", session.seen, re.MULTILINE)) == 3


def test_the_end_of_input_passes_through() -> None:
    with shell() as session:
        session.type(f"{RUN} -- sh -c 'echo begun; exec cat'; echo code $?\n")
        session.expect("^begun")
        session.type("hello\n")
        session.expect(r"^hello\nhello\n")
        session.type(CTRL_D)
        session.expect("^code 0")


def test_in_a_pipeline_the_keys_are_the_commands() -> None:
    """As with `cmd | supervisor run -- less`: stdin is a pipe, the keys come from the terminal."""
    with shell() as session:
        session.type(f"echo piped | {RUN} -- {KEYS} | cat\n")
        session.expect(r"^ready \d+ piped")
        session.type("word\n")
        session.expect("^got word")
        session.type(CTRL_Z)
        session.expect(r"Stopped.*\n(.*\n)?P> ")
        session.type("fg\n")
        session.expect("^continued")
        session.type("quit\n")
        session.expect("^got quit\nP> ")
        session.type("echo code ${PIPESTATUS[*]}\n")
        session.expect("^code 0")


def test_a_background_job_stops_for_input_and_goes_on_with_fg() -> None:
    with shell() as session:
        session.type(f"{RUN} -- cat &\n")
        session.expect(r"\[1\] (\d+)")
        wrapper = children(session.pid)[0]
        until(lambda: state(wrapper) == "T", "stopped with its command")
        session.type("\n")
        session.expect(r"Stopped.*\n(.*\n)?P> ")
        session.type("fg\n")
        session.expect("cat")
        until(lambda: session.foreground() == children(wrapper)[0], "foreground")
        session.type("late\n")
        session.expect(r"^late\nlate\n")
        session.type(CTRL_D)
        session.expect("P> ")


def test_a_killed_worker_leaves_a_usable_terminal() -> None:
    with shell() as session:
        session.type(f"{RUN} -- {KEYS} raw\n")
        main = _ready(session)
        assert not session.echoes()
        os.kill(main, signal.SIGKILL)
        session.expect("Killed")
        session.expect("P> ")
        assert session.foreground() == session.pid
        session.type("echo still$((1 + 1)) here\n")
        session.expect("^still2 here")


def test_a_killed_supervisor_takes_its_worker_along_and_leaves_the_terminal() -> None:
    with shell() as session:
        session.type(f"{RUN} -- {KEYS}\n")
        main = _ready(session)
        os.kill(children(session.pid)[0], signal.SIGKILL)
        session.expect("P> ")
        until(lambda: gone(main), "worker gone")
        session.type("echo still$((1 + 1)) here\n")
        session.expect("^still2 here")


def test_the_foreground_is_given_back_to_a_parent_without_job_control() -> None:
    program = (
        "import os, subprocess, sys\n"
        "code = subprocess.call(sys.argv[1:])\n"
        "print('code', code, 'ours', os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
    )
    with Session([sys.executable, "-c", program, SUPERVISOR, "run", "--", *python("keys.py")]) as session:
        assert session.foreground() != session.pid or _ready(session)
        session.type("quit\n")
        session.expect("^code 0 ours True")
        assert session.exit_code() == 0


def test_ctrl_z_has_no_effect_where_nobody_could_continue() -> None:
    """The wrapper leads the session, as in `ssh -t host supervisor run …` or a container with a terminal."""
    with Session([SUPERVISOR, "run", "--", *python("keys.py")]) as session:
        main = _ready(session)
        session.type(CTRL_Z)
        session.expect("^continued")
        session.type("word\n")
        session.expect("^got word")
        assert "T" not in state(main) + state(session.pid)
        session.type("quit\n")
        assert session.exit_code() == 0


def test_ctrl_c_ends_the_script_around_the_command_as_well() -> None:
    """A terminal signals the whole job; as the command has a group of its own, we pass its end on to the rest."""
    script = f"for i in 1 2 3; do {RUN} -- sh -c 'echo begun $$; exec sleep 60'; done; echo not reached"
    with shell() as session:
        session.type(f"bash -c {shlex.quote(script)}\n")
        session.expect(r"^begun (\d+)")
        session.type(CTRL_C)
        session.expect("P> ")
        session.type("echo code $?\n")
        session.expect(f"^code {128 + signal.SIGINT}")
        assert len(re.findall(r"^begun", session.seen, re.MULTILINE)) == 1


@pytest.mark.parametrize("options", ["", "--no-agent"])
def test_ctrl_c_is_explained_though_it_never_came_to_us(options: str) -> None:
    with shell() as session:
        session.type(
            f"{RUN} -v {options} -- {shlex.join([sys.executable, str(WORKERS / 'seed_cancel_caught.py')])}\n"
        )
        session.expect("^ready")
        session.type(CTRL_C)
        session.expect("^cancelled, returning")
        session.expect(r"^  ended +exited with 0")
        text = session.expect(r"[^$]*?P> ").group(0)
        assert ("it received SIGINT directly, not through the supervisor" in " ".join(text.split())) is not bool(
            options
        )
        assert ("ended by itself" in text) is bool(options)


def test_a_hang_up_is_a_stop_request() -> None:
    """The terminal goes away: the kernel sends SIGHUP to the session's leader, the wrapper."""
    with Session(
        [SUPERVISOR, "run", "--escalation", "TERM/0.1/KILL", "--", *python("stubborn.py", "SIGHUP")]
    ) as session:
        pid = _ready(session)
        session.hang_up()
        until(lambda: gone(pid), "the worker is ended")
        assert session.exit_code() == -signal.SIGKILL


def test_the_size_of_the_window_is_told() -> None:
    program = str(WORKERS / "print_signals.py")
    with Session([SUPERVISOR, "run", "--", sys.executable, "-ES", program]) as session:
        _ready(session)
        from fcntl import ioctl
        from struct import pack
        from termios import TIOCSWINSZ

        ioctl(session.fd, TIOCSWINSZ, pack("HHHH", 30, 100, 0, 0))
        session.expect(rf"^{int(signal.SIGWINCH)}\n")
