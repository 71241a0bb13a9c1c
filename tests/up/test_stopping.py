"""Stopping a fleet: who is told, in which order it ends, what is said and with which code `up` leaves."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR, gone, next_request_counts, python, state, until
from tests.up.fleet import Up, shutdowns

STUBBORN = python("stubborn.py")
SLEEP = 'command = "sleep 60"'


def test_one_request_stops_everything_and_says_when_it_ends(tmp_path: Path) -> None:
    config = f"[worker.api]\n{SLEEP}\ninstances = 3\n[worker.mail]\n{SLEEP}\nstop.grace = 25"
    with Up(tmp_path, config, "--report", "r.json", "--report", "r.md") as fleet:
        fleet.phases(api_1="running", api_2="running", api_3="running", mail="running")
        assert fleet.ended() == 0
        name, stamp, told = fleet.stderr.splitlines()[0].replace(" | ", " ").split(" ", 2)
        assert name == "supervisor" and datetime.fromisoformat(stamp).tzinfo is not None
        assert told == "stopping 4 workers, kill in 10.0 s to 25.0 s; Ctrl-C again: next step now"
        table = fleet.stderr[fleet.stderr.index("shutdown of 4 workers") :]
        assert table.count("died of SIGINT") == 4
        assert fleet.stdout == ""
        assert fleet.alive() == []
        assert not fleet.socket.parent.exists(), "the folder of the control socket is removed"
    every = shutdowns(tmp_path / "r.json")
    assert sorted(every) == ["api.1", "api.2", "api.3", "mail"]
    for (one,) in every.values():
        assert (one["outcome"], one["signal"], one["asked_by"]) == ("signalled", "SIGINT", "signal SIGINT")
        assert [climb["signal"] for climb in one["escalation"]] == ["SIGINT"]
    markdown = (tmp_path / "r.md").read_text()
    assert "# Shutdown report of tested" in markdown and "| api.2 | died of SIGINT |" in markdown


def test_stubborn_workers_stop_in_parallel(tmp_path: Path) -> None:
    """All are asked before the first is killed, whatever the machine's speed: the order says it."""
    config = f'[worker.deaf]\ncommand = {STUBBORN}\ninstances = 6\nstop.escalation = "TERM/0.5/KILL"'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw(*(f"deaf.{number}     | ready" for number in range(1, 7)))
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 128 + signal.SIGKILL
        text = fleet.stderr
        assert "stopping 6 workers, kill in " in text and text.count("had to be killed (SIGKILL)") >= 6
    every = [one for (one,) in shutdowns(tmp_path / "r.json").values()]
    assert [one["outcome"] for one in every] == ["killed"] * 6
    assert all([climb["signal"] for climb in one["escalation"]] == ["SIGTERM", "SIGKILL"] for one in every)
    assert sum(one["spans"]["total"] for one in every) > 6 * 0.5
    # In sequence the last would be killed 6 * 0.5 s after it was asked; a grace period each is all they may take.
    assert len({one["escalation"][1]["at"] >= 0.5 for one in every}) == 1


def test_a_second_request_goes_to_the_next_step_and_the_third_kills(tmp_path: Path) -> None:
    config = f'[worker.deaf]\ncommand = {STUBBORN}\nstop.escalation = "TERM/600/QUIT/600/KILL"'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("ready")
        fleet.interrupt()
        fleet.saw("SIGTERM\n", "stopping 1 worker, kill in 20 min 00 s; Ctrl-C again: next step now")
        next_request_counts(fleet.pid)
        fleet.interrupt()
        fleet.saw("SIGQUIT\n", "stopping 1 worker, asked again: SIGQUIT sent, kill in 10 min 00 s")
        next_request_counts(fleet.pid)
        fleet.interrupt()
        assert fleet.wait() == 137
        assert "stopping 1 worker: SIGKILL sent" in fleet.stderr
    ((one,),) = shutdowns(tmp_path / "r.json").values()
    assert [climb["signal"] for climb in one["escalation"]] == ["SIGTERM", "SIGQUIT", "SIGKILL"]


def test_the_fleet_limit_kills_what_is_left(tmp_path: Path) -> None:
    config = f'[fleet]\nname = "tested"\nlimit = 0.5\n[worker.deaf]\ncommand = {STUBBORN}\nstop.escalation = "none"'
    with Up(tmp_path, config) as fleet:
        fleet.saw("ready")
        assert fleet.ended() == 137
        assert "kill in 500 ms" in fleet.stderr or "kill in 499 ms" in fleet.stderr


def test_without_a_planned_kill_it_says_so(tmp_path: Path) -> None:
    with Up(tmp_path, f'[worker.deaf]\ncommand = {STUBBORN}\nstop.escalation = "none"') as fleet:
        fleet.saw("ready")
        fleet.interrupt()
        fleet.saw("no kill is planned")
        assert fleet.process.poll() is None


@pytest.mark.parametrize(
    ("how", "code"),
    [("exit 0", 0), ("exit 5", 5), ("kill -USR1 $$$$", 128 + signal.SIGUSR1), ("kill -TERM $$$$", 0)],
)
def test_exit_code_after_a_stop(tmp_path: Path, how: str, code: int) -> None:
    """Death by the signal that we sent is as wanted; anything else but a success code is the fleet's code."""
    trap = f"trap '{'trap - TERM; ' if 'TERM' in how else ''}{how}' TERM; echo ready; while :; do sleep 0.05; done"
    with Up(tmp_path, f'[worker.odd]\ncommand = ["sh", "-c", "{trap}"]\n[worker.good]\n{SLEEP}') as fleet:
        fleet.saw("ready")
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == code


def test_the_first_failed_worker_gives_the_exit_code(tmp_path: Path) -> None:
    config = "\n".join(
        f'[worker.{name}]\ncommand = ["sh", "-c", "{program}"]\nrestart = "never"'
        for name, program in {"one": "exit 4", "two": "read x < f; exit 6", "three": "exit 0"}.items()
    )
    os.mkfifo(tmp_path / "f")
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.saw("one exited with 4")
        (tmp_path / "f").write_text("\n")
        assert fleet.wait() == 4
        assert "two exited with 6" in fleet.stderr and "three exited with 0" in fleet.stderr
    assert {title: one["exit_code"] for title, (one,) in shutdowns(tmp_path / "r.json").items()} == {
        "one": 4,
        "two": 6,
        "three": 0,
    }


def test_a_success_code_is_a_clean_end(tmp_path: Path) -> None:
    with Up(tmp_path, '[worker.a]\ncommand = ["sh", "-c", "exit 3"]\nsuccess_codes = [3]') as fleet:
        assert fleet.wait() == 0


def test_a_stop_during_backoff_ends_at_once(tmp_path: Path) -> None:
    config = '[worker.crash]\ncommand = ["sh", "-c", "exit 3"]\nbackoff.first = 600\nbackoff.max = 600'
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.phases(crash="backoff")
        assert fleet.ended() == 3, "it should have run when the fleet was stopped"
        assert "stopping: all workers have ended already" in fleet.stderr
    assert len(shutdowns(tmp_path / "r.json")["crash"]) == 1


def test_a_stop_while_the_workers_start(tmp_path: Path) -> None:
    """The signal is there before the first worker is: all that was started is stopped, nothing is left."""
    config = f"[worker.many]\n{SLEEP}\ninstances = 40"
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        until(fleet.socket.exists, "it is about to start them")
        fleet.send(signal.SIGTERM)
        assert fleet.wait() == 0
        assert fleet.alive() == []
    ends = shutdowns(tmp_path / "r.json")
    assert all(one["outcome"] == "signalled" for (one,) in ends.values())


def test_a_worker_that_fails_while_the_others_start_stops_nobody(tmp_path: Path) -> None:
    config = f'[worker.none]\ncommand = "./not-there"\nrestart = "never"\n[worker.good]\n{SLEEP}\ninstances = 5'
    with Up(tmp_path, config) as fleet:
        fleet.phases(none="failed", **{f"good_{number}": "running" for number in range(1, 6)})
        fleet.saw("none: cannot start './not-there': no such file (check the path")
        assert fleet.ended() == 127
        assert "stopping 5 workers" in fleet.stderr


def test_on_exit_stop_all(tmp_path: Path) -> None:
    config = (
        f'[worker.lead]\ncommand = ["sh", "-c", "read x < f; exit 7"]\non_exit = "stop-all"\n[worker.good]\n{SLEEP}'
    )
    os.mkfifo(tmp_path / "f")
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.phases(lead="running", good="running")
        (tmp_path / "f").write_text("\n")
        assert fleet.wait() == 7
        assert "lead exited with 7" in fleet.stderr and "stopping 1 worker, kill in" in fleet.stderr
    ends = shutdowns(tmp_path / "r.json")
    assert (ends["lead"][0]["asked_by"], ends["good"][0]["asked_by"]) == ("self", "failed peer")


def test_on_exit_ignore(tmp_path: Path) -> None:
    config = f'[worker.task]\ncommand = ["sh", "-c", "exit 7"]\non_exit = "ignore"\n[worker.good]\n{SLEEP}'
    with Up(tmp_path, config) as fleet:
        fleet.phases(task="exited", good="running")
        assert fleet.state()["task"]["starts"] == 1
        assert fleet.ended() == 7


def test_restarts_with_backoff_until_the_burst_is_over(tmp_path: Path) -> None:
    config = (
        f'[worker.crash]\ncommand = ["sh", "-c", "exit 3"]\nbackoff = {{first = 0.01, jitter = 0, burst = 3}}\n'
        f"[worker.good]\n{SLEEP}"
    )
    with Up(tmp_path, config, "--report", "r.json") as fleet:
        fleet.phases(crash="failed", good="running")
        fleet.saw("crash: ended 4 times without running 10 s; given up")
        assert fleet.state()["crash"]["starts"] == 4
        assert [f"restart {number} in" in fleet.stderr for number in (1, 2, 3, 4)] == [True, True, True, False]
        assert fleet.ended() == 3
        assert "crash" in fleet.stderr[fleet.stderr.index("shutdown of") :], "the report tells how each ended"
    ends = shutdowns(tmp_path / "r.json")["crash"]
    assert [one["start"] for one in ends] == [1, 2, 3, 4]


def test_restart_always_after_a_clean_end(tmp_path: Path) -> None:
    config = (
        '[worker.again]\ncommand = ["sh", "-c", "echo run; read x < f"]\nrestart = "always"\nbackoff.first = 0.01'
    )
    os.mkfifo(tmp_path / "f")
    with Up(tmp_path, config) as fleet:
        fleet.saw("run\n")
        (tmp_path / "f").write_text("\n")
        until(lambda: fleet.stdout.count("run\n") == 2, "second run")
        assert fleet.ended() == 0


def test_who_held_the_stop(tmp_path: Path) -> None:
    config = f'[worker.deaf]\ncommand = {STUBBORN}\nstop.escalation = "TERM/0.4/KILL"\n[worker.good]\n{SLEEP}'
    with Up(tmp_path, config) as fleet:
        fleet.saw("ready")
        fleet.phases(good="running")
        fleet.ended()
        assert "`deaf` finished last, " in fleet.stderr


def test_a_stopped_supervisor_group_and_ctrl_z(tmp_path: Path) -> None:
    """Workers are in sessions of their own: stopping the supervisor does not stop them."""
    with Up(tmp_path, f"[worker.good]\n{SLEEP}") as fleet:
        fleet.phases(good="running")
        pid = fleet.state()["good"]["pid"]
        fleet.send(signal.SIGTSTP)
        until(lambda: state(fleet.pid) == "T", "supervisor stopped")
        assert state(pid) == "S"
        fleet.send(signal.SIGTERM, signal.SIGCONT)
        assert fleet.wait() == 0
        assert gone(pid)


def test_other_signals_reach_no_worker_and_that_is_said_once(tmp_path: Path) -> None:
    code = "import signal, sys\nfor n in (10, 12): signal.signal(n, lambda *_: print('got it', flush=True))\n"
    code += "print('ready', flush=True)\nwhile True: signal.pause()"
    with Up(tmp_path, f'[worker.w]\ncommand = ["{sys.executable}", "-c", """{code}"""]') as fleet:
        fleet.saw("ready")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
            fleet.send(number)
        fleet.saw("SIGUSR1 reaches no worker")
        assert fleet.ended() == 0
        assert "got it" not in fleet.stdout
        assert fleet.stderr.count("reaches no worker") == 1


def test_a_hang_up_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under nohup: the fleet goes on, and no worker has it either."""
    argv = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", SUPERVISOR, "up"]
    code = "import signal\nsignal.signal(signal.SIGHUP, lambda *_: print('got it', flush=True))\n"
    code += "print('ready', flush=True)\nwhile True: signal.pause()"
    config = f'[worker.w]\ncommand = ["{sys.executable}", "-c", """{code}"""]'
    with Up(tmp_path, config, argv=argv) as fleet:
        fleet.saw("ready")
        fleet.send(signal.SIGHUP)
        fleet.send(signal.SIGUSR1)  # read after it, in the kernel's order
        fleet.saw("SIGUSR1 reaches no worker")
        assert fleet.state()["w"]["phase"] == "running"
        assert fleet.ended() == 0
        assert "got it" not in fleet.stdout and "SIGHUP" not in fleet.stderr
