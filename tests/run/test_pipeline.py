"""The wrapper as a part of a pipeline in an interactive shell, where another program has the terminal."""

from __future__ import annotations

import shutil

import pytest

from tests.support.processes import SUPERVISOR
from tests.support.terminal import CTRL_C, Session

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash for job control")

BASH = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


def test_a_pager_behind_it_keeps_the_terminal() -> None:
    with Session(BASH) as session:
        session.expect("P> ")
        # `read` from the terminal stops a program that is not in the foreground (SIGTTIN), as it would stop less.
        session.type(f"{SUPERVISOR} run -- echo text | (cat; echo asks; read word < /dev/tty; echo got $word)\n")
        session.expect("^text\nasks\n")
        session.type("it\n")
        session.expect("^got it\nP> ")


def test_ctrl_c_ends_the_whole_pipeline() -> None:
    with Session(BASH) as session:
        session.expect("P> ")
        session.type(f"{SUPERVISOR} run -- sh -c 'echo runs >&2; exec sleep 100' | sleep 100\n")
        session.expect("^runs\n")
        session.type(CTRL_C)
        session.expect("P> ")
        session.type("echo back\n")
        session.expect("^back\nP> ")
