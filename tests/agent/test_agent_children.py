"""What a process tells of its children, of the signals that it sends, and of what it was forked from."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.agent.harness import Worker, some_of

PYTHONS = some_of("3.8", "3.12", "3.13")

PARENT = """
import multiprocessing, os, signal, time

def on_term(number, frame):
    while process.exitcode is None:
        process.kill()
        process.join(0.05)

def child():
    print("child", flush=True)
    while True:
        time.sleep(60)

signal.signal(signal.SIGTERM, on_term)
process = multiprocessing.get_context("fork").Process(target=child, name="camera")
process.start()
print("started", flush=True)
while process.exitcode is None:
    time.sleep(0.05)
"""


def line_of(text: str, program: str = PARENT) -> int:
    """The number of the line that is this text."""
    return next(number for number, line in enumerate(program.splitlines(), 1) if line.strip() == text)


@pytest.mark.parametrize("python", PYTHONS)
def test_a_child_and_the_parent_that_kills_it(python: str) -> None:
    with Worker(python, PARENT) as worker:
        worker.line("child").line("started").probe()
        born = worker.heard("hello", forked=True)
        assert born.fields["by"][1:] == (line_of("process.start()"), "<module>")
        (child,) = worker.heard("snapshot").fields["children"]
        assert child == {"pid": born.pid, "name": "camera", "how": "fork", "daemon": False, "alive": True}
        os.kill(born.pid, signal.SIGURG)
        worker.until(lambda: [one for one in worker.all("snapshot") if one.pid == born.pid])
        theirs = next(one for one in worker.all("snapshot") if one.pid == born.pid).fields["handlers"]
        told = {one["signal"]: one["inherited"] for one in theirs}
        assert told[signal.SIGTERM] is True, "the parent's handler, in a process that never installed one"
        worker.send(signal.SIGTERM).end()
        kill = worker.heard("exit", how="os.kill")
        assert (kill.fields["target"], kill.fields["signal"]) == (born.pid, 9) and kill.fields["busy"] is None
        assert kill.fields["by"][1:] == (line_of("process.kill()"), "on_term")


@pytest.mark.parametrize("python", PYTHONS)
def test_a_signal_to_itself_tells_what_it_cuts(python: str) -> None:
    """A server's handler puts the default back and raises the signal again: what runs then is never seen again."""
    code = """
import signal, threading, time
def mail():
    print("mailing", flush=True)
    time.sleep(60)
def again(number, frame):
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
signal.signal(signal.SIGTERM, again)
threading.Thread(target=mail, name="mailer").start()
signal.sigtimedwait([], 60)
"""
    with Worker(python, code) as worker:
        worker.line("mailing").probe().send(signal.SIGTERM)
        assert worker.end() == -signal.SIGTERM
        told = worker.heard("exit", how="raise_signal").fields
        assert [thread["name"] for thread in told["busy"]] == ["mailer"]
        assert told["busy"][0]["at"][1:] == (5, "mail")


def test_what_was_sent_is_read_from_the_senders_variables() -> None:
    """Also where the standard library sends it for the program; a variable of another kind is no pid."""
    code = """
import os, signal, subprocess, sys
def shared(pid):
    os.kill(int(pid), 0)
print("ready", flush=True)
signal.sigtimedwait([signal.SIGUSR1], 60)
child = subprocess.Popen(["sleep", "60"])
print("child", child.pid, flush=True)
child.send_signal(0)
shared(str(child.pid))
child.kill()
child.wait()
"""
    with Worker(
        sys.executable, code, prepare=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    ) as worker:
        worker.line("ready").probe().send(signal.SIGUSR1)
        worker.end()
        pid = int(worker.out.split("child ")[1].split()[0])
        told = [(one.fields["target"], one.fields["signal"]) for one in worker.all("exit", how="os.kill")]
        assert told == [(pid, 0), (None, None), (pid, 9)]
