"""A command that began to end and does not: `run` says on the terminal where it waits and what comes next."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sys
import time
from contextlib import ExitStack

import pytest

from supervisor.diagnosis.hang import TOLD_AFTER
from tests.support.processes import SUPERVISOR, WORKERS, children, python
from tests.support.terminal import CTRL_BACKSLASH, CTRL_C, Session, shell

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash for job control")

TOLD = r"^supervisor: \d+ s after "


def _hanging(kind: str, *options: str) -> Session:
    return Session([SUPERVISOR, "run", *options, "--", sys.executable, str(WORKERS / "hang.py"), kind])


@pytest.mark.parametrize(("kind", "waits"), [("thread", "thread 'uploader' at "), ("task", "task .* at ")])
def test_a_ctrl_c_that_ends_nothing_is_told_with_the_key_that_does(kind: str, waits: str) -> None:
    with _hanging(kind) as session:
        session.expect("^ready")
        session.type(CTRL_C)
        session.expect(rf"{TOLD}Ctrl-C: (waits for )?{waits}hang.py:\d+.*; Ctrl-\\ ends it\n")
        session.type(CTRL_BACKSLASH)
        assert session.exit_code() == -signal.SIGQUIT


def test_a_stop_request_that_ends_nothing_is_told_with_the_next_signal() -> None:
    with _hanging("signal", "--escalation", "TERM/6/KILL") as session:
        session.expect("^ready")
        os.kill(session.pid, signal.SIGTERM)
        session.expect(rf"{TOLD}SIGTERM: main thread blocked at hang.py:\d+; SIGKILL in [0-3] s\n")
        assert session.exit_code() == -signal.SIGKILL
        assert len(re.findall(TOLD, session.seen, re.MULTILINE)) == 1


def test_without_an_agent_the_system_call_is_named() -> None:
    with _hanging("signal", "--no-agent", "--escalation", "none") as session:
        session.expect("^ready")
        os.kill(session.pid, signal.SIGTERM)
        session.expect(rf"{TOLD}SIGTERM: (waits )?in \w*sleep; kill -KILL {children(session.pid)[0]} ends it\n")


def test_who_goes_on_working_and_who_does_not_read_lines_is_left_alone() -> None:
    """One wait for all: at a prompt, in a shell, in raw mode, with -q, in the background."""
    with ExitStack() as stack:
        asked: list[tuple[Session, str, signal.Signals | None]] = []
        for session in (_hanging("prompt"), _hanging("thread", "-q")):
            asked.append((stack.enter_context(session), "^ready", None))
        bash = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
        asked.append((stack.enter_context(Session([SUPERVISOR, "run", "--", *bash])), "P> ", None))
        raw = Session([SUPERVISOR, "run", "--", *python("keys.py", "raw")])
        asked.append((stack.enter_context(raw), "^ready", signal.SIGINT))
        for session, ready, by_kill in asked:
            session.expect(ready)
            if by_kill is None:
                session.type(CTRL_C)
            else:
                os.kill(session.pid, by_kill)
        behind = stack.enter_context(shell())
        behind.type(f"{SUPERVISOR} run -- {shlex.join(python('hang.py', 'signal'))} &\n")
        behind.expect("ready")
        os.kill(children(behind.pid)[0], signal.SIGTERM)
        time.sleep(TOLD_AFTER[0] + 1.0)  # longer only makes this surer
        for session in [*(session for session, _, _ in asked), behind]:
            session.type("\n")
            session.expect(r"(?s).+")
            assert not re.search(TOLD, session.seen, re.MULTILINE), session.seen
