"""Being explained changes nothing: no signal arrives, no wait ends, nothing goes on or stops."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.explain.program import Program, explained, python
from tests.support.processes import PATIENCE, state, status, until
from tests.up.fleet import Up

# Tells of every signal and of every return from a wait.
WATCHFUL = """
import signal, sys
def tell(number, frame): print('signal', number, flush=True)
for number in set(signal.valid_signals()) - {9, 19, 32, 33}: signal.signal(number, tell)
print('ready', flush=True)
signal.pause()
print('woken', flush=True)
"""
MASKS = ("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt")


def _waits_in(pid: int, call: str) -> None:
    until(lambda: (told := explained(pid)[0].facts.main.calls[-1]) is not None and told.name == call, call)


def test_a_program_that_catches_every_signal_hears_none() -> None:
    with python(WATCHFUL) as program:
        _waits_in(program.pid, "pause")
        before = {key: status(program.pid)[key] for key in (*MASKS, "voluntary_ctxt_switches")}
        for _ in range(3):
            explained(program.pid)
        assert {key: status(program.pid)[key] for key in before} == before, "it has not even run"
        program.process.send_signal(signal.SIGUSR1)
        assert program.process.stdout is not None
        assert program.process.stdout.read() == b"signal 10\nwoken\n", "nothing came before ours"


def test_every_disposition_survives() -> None:
    setup = {
        "default": "",
        "ignored": "[signal.signal(n, 1) for n in set(signal.valid_signals()) - {9, 19, 32, 33}]",
        "blocked": "signal.pthread_sigmask(0, signal.valid_signals())",
    }
    for name, line in setup.items():
        with python(f"import signal, time; {line}\nprint('ready', flush=True); time.sleep(300)") as program:
            before = {key: status(program.pid)[key] for key in MASKS}
            explained(program.pid)
            assert {key: status(program.pid)[key] for key in MASKS} == before, name
            assert state(program.pid) == "S", name


def test_a_stopped_program_stays_stopped() -> None:
    with python("import time; print('ready', flush=True); time.sleep(300)") as program:
        program.process.send_signal(signal.SIGSTOP)
        until(lambda: state(program.pid) == "T", "it is stopped")
        explained(program.pid)
        assert state(program.pid) == "T"


def test_a_worker_that_nobody_stops_is_not_probed(tmp_path: Path) -> None:
    """signal.pause() returns after any handled signal: the agent's would end this worker."""
    program = tmp_path / "pauses.py"
    program.write_text("import signal\nprint('ready', flush=True)\nsignal.pause()\n")
    with Up(tmp_path, f'[worker.a]\ncommand = ["{sys.executable}", "{program}"]\n') as fleet:
        fleet.saw("ready")
        pid = fleet.state()["a"]["pid"]
        _waits_in(pid, "pause")
        with fleet.connect() as client:
            answer = client.ask("explain", pid=pid)
            assert answer["worker"]["title"] == "a"
            assert answer["agent"] is True
            assert answer["probed"] == 0
            again = client.ask("explain", pid=pid, since=answer["at"])
            assert again["said"] == []
        assert fleet.state()["a"]["pid"] == pid, "it has not come back from pause()"
        assert fleet.ended() == 0


def test_two_who_explain_at_once() -> None:
    with python("import time; print('ready', flush=True); time.sleep(300)") as program:
        others = [
            Program([sys.executable, "-c", f"from supervisor.cli.explain import look; look({program.pid}, 0.3)"])
            for _ in range(2)
        ]
        for one in others:
            with one:
                assert one.process.wait(PATIENCE) == 0
        assert state(program.pid) == "S"
