"""Stop requests and the ladder: who asked, what was sent, in which order, and what the report says about it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import Wrapped, gone, next_request_counts, python, report, state, until

LADDER = ("--escalation", "TERM/30/INT/30/KILL")


def _sent(shutdown: dict) -> list[tuple[str, str]]:  # type: ignore[type-arg]  # JSON
    return [(one["signal"], one["target"]) for one in shutdown["escalation"]]


def test_the_ladder_is_climbed_to_its_end(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py"), "--escalation", "TERM/0.2/INT/0.2/KILL", "--report", str(out)) as wrapped:
        pid = int(wrapped.ready()[0])
        wrapped.send(signal.SIGTERM)
        assert wrapped.lines(2) == ["SIGTERM", "SIGINT"]
        assert wrapped.wait() == -signal.SIGKILL
        assert gone(pid)
        assert "had to be killed" in wrapped.stderr or "killed" in wrapped.stderr
    one = report(out)
    assert _sent(one) == [("SIGTERM", "group"), ("SIGINT", "group"), ("SIGKILL", "group")]
    assert [climb["delivered"] for climb in one["escalation"]] == [True] * 3
    assert (one["outcome"], one["exit_code"], one["signal"]) == ("killed", None, "SIGKILL")
    assert (one["asked_by"], one["asked_by_pid"]) == ("signal SIGTERM", os.getpid())
    at = [climb["at"] for climb in one["escalation"]]
    assert at[0] == 0 and at[1] >= 0.2 and at[2] >= 0.4, "never earlier than the ladder says"
    assert one["marks"]["killed"] == at[2] <= one["marks"]["exited"] == one["spans"]["total"]
    assert one["marks"]["noticed"] is one["marks"]["drained"] is one["marks"]["cleaned"] is None
    assert one["outside"]["signals"] == {"SIGTERM": "caught", "SIGINT": "caught"}


def test_a_worker_that_ignores_the_stop_signal_is_seen_and_killed(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py", "SIGTERM"), "--grace", "0.3", "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
        assert "it ignores SIGTERM" in wrapped.stderr
        assert "--rewrite SIGTERM:INT" in " ".join(wrapped.stderr.split())
    one = report(out)
    assert one["outside"]["signals"] == {"SIGTERM": "ignored"}
    assert len(one["outside"]["samples"]) >= 2


def test_what_the_report_advises_for_an_ignored_signal_helps(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py", "SIGTERM"), "--rewrite", "SIGTERM:INT", "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.lines(1) == ["SIGINT"]
        next_request_counts(wrapped.pid)
        wrapped.send(signal.SIGTERM)
        wrapped.wait()
        assert "stop requested 2 times, first by SIGTERM" in " ".join(wrapped.stderr.split())
    assert _sent(report(out)) == [("SIGINT", "group"), ("SIGKILL", "group")]


def test_the_received_signal_stands_in_for_rung_1(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py"), "--escalation", "TERM/0.1/KILL", "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGQUIT)
        assert wrapped.line() == "SIGQUIT"
        wrapped.wait()
    assert _sent(report(out)) == [("SIGQUIT", "group"), ("SIGKILL", "group")]
    assert report(out)["asked_by"] == "signal SIGQUIT"


def test_two_requests_in_one_millisecond_are_one() -> None:
    with Wrapped(python("stubborn.py"), *LADDER) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM, signal.SIGTERM)
        assert wrapped.line() == "SIGTERM"
        next_request_counts(wrapped.pid)
        wrapped.send(signal.SIGHUP)
        seen = [wrapped.line()]
        while seen[-1] == "SIGTERM":  # the two may have reached the worker as two
            seen.append(wrapped.line())
        assert seen[-1] == "SIGINT", "the second request climbed one rung, not two"


def test_a_second_request_climbs_and_a_third_kills(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py"), *LADDER, "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.line() == "SIGTERM"
        next_request_counts(wrapped.pid)
        wrapped.send(signal.SIGTERM)
        assert wrapped.line() == "SIGINT"
        next_request_counts(wrapped.pid)
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
    assert _sent(report(out)) == [("SIGTERM", "group"), ("SIGINT", "group"), ("SIGKILL", "group")]


def test_without_escalation_nothing_is_ever_killed() -> None:
    with Wrapped(python("stubborn.py"), "--escalation", "none") as wrapped:
        wrapped.ready()
        for _ in range(4):
            wrapped.send(signal.SIGTERM)
            assert wrapped.line() == "SIGTERM"
            next_request_counts(wrapped.pid)
        assert not gone(wrapped.main)


def test_a_stopped_worker_is_woken_to_die(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(python("stubborn.py"), "--escalation", "TERM/30/KILL", "--report", str(out)) as wrapped:
        pid = int(wrapped.ready()[0])
        os.kill(pid, signal.SIGSTOP)
        until(lambda: state(pid) == "T", "worker stopped")
        wrapped.send(signal.SIGTERM)
        assert wrapped.line() == "SIGTERM"
        assert state(wrapped.pid) != "T", "a worker stopped without a terminal does not stop us"


def test_a_supervisor_that_was_stopped_catches_up() -> None:
    with Wrapped(["sleep", "60"]) as wrapped:
        pid = wrapped.main
        wrapped.send(signal.SIGSTOP)
        until(lambda: state(wrapped.pid) == "T", "supervisor stopped")
        wrapped.send(signal.SIGTERM)
        assert not gone(pid)
        wrapped.send(signal.SIGCONT)
        assert wrapped.wait() == -signal.SIGTERM
        assert gone(pid)


def test_a_worker_that_ended_before_the_signal_keeps_its_exit_code() -> None:
    """Both wait when the supervisor is continued: the end came first."""
    with Wrapped(["sh", "-c", "echo ready; read line; exit 5"], stdin=-1) as wrapped:
        wrapped.ready()
        pid = wrapped.main
        wrapped.send(signal.SIGSTOP)
        until(lambda: state(wrapped.pid) == "T", "supervisor stopped")
        assert wrapped.process.stdin is not None
        wrapped.process.stdin.write(b"\n")
        until(lambda: state(pid) == "Z", "worker ended")
        wrapped.send(signal.SIGTERM, signal.SIGCONT)
        assert wrapped.wait() == 5


def test_an_end_by_itself_is_told_only_when_asked(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    with Wrapped(["sh", "-c", "exit 3"], "--report", str(out)) as wrapped:
        assert wrapped.wait() == 3
        assert wrapped.stderr == ""
    one = report(out)
    assert (one["outcome"], one["exit_code"], one["asked_by"], one["marks"]["asked"]) == ("failed", 3, "self", None)
    assert one["escalation"] == []
    with Wrapped(["true"], "-v") as wrapped:
        assert wrapped.wait() == 0
        assert wrapped.stderr.startswith("supervisor: true")


@pytest.mark.parametrize("option", ["--stop-signal", "--rewrite"])
def test_another_stop_signal(option: str) -> None:
    """`--rewrite` maps what arrives; `--stop-signal` is for stops that no signal asked for, so TERM stays TERM."""
    value = {"--stop-signal": "INT", "--rewrite": "TERM:INT"}[option]
    with Wrapped(python("stubborn.py"), option, value, "--grace", "30") as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.line() == {"--stop-signal": "SIGTERM", "--rewrite": "SIGINT"}[option]


def test_the_report_has_every_field_of_the_contract(tmp_path: Path) -> None:
    json_path, markdown = tmp_path / "r.json", tmp_path / "r.md"
    options = ("--report", str(json_path), "--report", str(markdown), "-v")
    with Wrapped(["sh", "-c", "echo ready; sleep 60", "--password", "hunter2"], *options) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGTERM
        text = wrapped.stderr
    one = report(json_path)
    assert {
        "worker", "instance", "start", "pid", "argv", "asked_by", "asked_by_pid", "outcome", "exit_code", "signal",
        "escalation", "marks", "spans", "phases", "resources", "leftovers", "agent", "critical_path", "findings",
    } <= set(one)  # fmt: skip
    assert set(one["marks"]) >= {"asked", "noticed", "drained", "cleaned", "killed", "exited"}
    assert set(one["spans"]) == {"notice", "drain", "cleanup", "teardown", "total"}
    assert (one["worker"], one["instance"], one["start"], one["outcome"]) == ("sh", 0, 1, "signalled")
    assert set(one["resources"]) == {"cpu_user", "cpu_system", "max_rss"}
    assert one["resources"]["max_rss"] is None, "a shell needs less than our fork, whose peak the kernel counts in"
    assert "hunter2" not in json_path.read_text() + markdown.read_text() + text
    assert "sh -c" in markdown.read_text()


ENDS_SOON = """
import signal, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
print("ready", flush=True)
while not asked:
    time.sleep(0.01)
time.sleep(0.2)
"""


@pytest.mark.parametrize("milliseconds", [0, 0.5, 1, 2, 4, 8, 15])
def test_two_requests_in_one_moment_are_one(milliseconds: float, tmp_path: Path) -> None:
    """Both `kill` and a deployment's own tool ask, or a key is pressed twice: nobody loses the grace period by it."""
    out = tmp_path / "r.json"
    with Wrapped([sys.executable, "-ESc", ENDS_SOON], "--report", str(out)) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        time.sleep(milliseconds / 1000)
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == 0
    end = report(out)
    assert end["requests"] == 1
    assert {one["signal"] for one in end["escalation"]} == {"SIGTERM"}
