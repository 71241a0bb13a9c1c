"""Faults: report that cannot be written, limits reached, a bug of ours. The worker's result is never lost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.namespaces import lacks
from tests.support.processes import SUPERVISOR, Wrapped, gone, python, report, run, until

DRIVER = str(Path(__file__).parents[1] / "support" / "driver.py")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = 65534


def test_a_report_that_cannot_be_written_is_told_and_its_content_follows(tmp_path: Path) -> None:
    good, gone = tmp_path / "good.json", tmp_path / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'rmdir "$0"; exit 3', str(gone)]
    code, _, err = run(command, "--report", f"{gone}/r.json", "--report", str(good))
    assert code == 3, "the exit code is the command's"
    assert f"cannot write the report {gone}/r.json: No such file or directory" in err
    assert "exited with 3" in err, "the result is told all the same"
    assert report(good)["exit_code"] == 3


def test_a_full_device(tmp_path: Path) -> None:
    path = tmp_path / "full.json"
    path.symlink_to("/dev/full")
    code, _, err = run(["sh", "-c", "exit 3"], "--report", str(path))
    assert code == 3
    assert f"cannot write the report {path}: No space left on device" in err
    assert "exited with 3" in err


@as_root
@pytest.mark.skipif(bool(lacks("-m")), reason=lacks("-m"))
def test_a_full_disk_loses_nothing_and_leaves_no_half_report(tmp_path: Path) -> None:
    script = (
        f"mount -t tmpfs -o size=4k none {tmp_path} && head -c 4096 /dev/zero > {tmp_path}/filler;"
        f"{SUPERVISOR} run --report {tmp_path}/r.json -- sh -c 'exit 5'; echo code $?; ls {tmp_path}"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["code", "5", "filler"]
    assert "No space left on device" in done.stderr
    assert "exited with 5" in done.stderr


def test_a_full_or_closed_stderr_is_not_our_failure() -> None:
    for redirection in ("2>/dev/full", "2>&-", ">/dev/full 2>&1"):
        script = f"{SUPERVISOR} run -v --json -- sh -c 'exit 6' {redirection}"
        assert subprocess.run(["sh", "-c", script], timeout=60, check=False).returncode == 6


def test_a_reader_of_stderr_that_left_is_not_our_failure() -> None:
    script = f"{SUPERVISOR} run -v -- sh -c 'sleep 0.1; exit 6' 2>&1 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "6\n"


def test_reports_to_descriptors_and_pipes(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe.json"
    os.mkfifo(fifo)
    with Wrapped(["true"], "--report", str(fifo)) as wrapped:
        document = json.loads(fifo.read_text())
        assert wrapped.wait() == 0
    assert document["shutdowns"][0]["outcome"] == "clean"
    assert fifo.is_fifo()


def test_json_on_stderr_is_one_document() -> None:
    code, _, err = run(["true"], "--json")
    assert code == 0
    assert json.loads(err)["schema"] == "supervisor.report/1"


def test_few_descriptors(tmp_path: Path) -> None:
    """Refused with one message before the command runs, or everything works; nothing in between."""
    refused = 0
    with contextlib.ExitStack() as stack:
        runs: dict[int, Wrapped] = {}
        for limit in range(6, 32):  # with fewer Python itself does not start
            touch = f"touch {tmp_path}/{limit}; (sleep 0.1 &) ; exit 9"
            script = f'ulimit -n {limit}; exec "$@" --report {tmp_path}/{limit}.json -- sh -c "{touch}"'
            argv = ["sh", "-c", script, "sh", SUPERVISOR, "run", "-v"]
            runs[limit] = stack.enter_context(Wrapped([], argv=argv))
        for limit, wrapped in runs.items():
            code = wrapped.wait()
            assert "Traceback" not in wrapped.stderr, (limit, wrapped.stderr)
            if code == 125:
                refused += 1
                assert "Too many open files" in wrapped.stderr and "ulimit -n" in wrapped.stderr
                assert not (tmp_path / str(limit)).exists(), "it did not run"
            else:
                assert code == 9
                assert report(tmp_path / f"{limit}.json")["exit_code"] == 9
    assert 0 < refused < len(runs)


@as_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_the_limit_of_processes() -> None:
    """Root has none, so as nobody (setrlimit(2), RLIMIT_NPROC)."""
    # Able to read an installation in somebody's home; what lifts the limit are SYS_ADMIN and SYS_RESOURCE.
    reads = "+dac_override,+dac_read_search"
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    user += [f"--inh-caps={reads}", f"--ambient-caps={reads}"]
    probe = subprocess.run([*user, SUPERVISOR, "run", "--", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("nobody cannot run our installation: " + probe.stderr.decode())
    done = subprocess.run(
        [*user, "prlimit", "--nproc=0", SUPERVISOR, "run", "--", "true"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 125
    assert "supervisor: cannot start a process: Resource temporarily unavailable" in done.stderr
    assert "ulimit -u" in done.stderr
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------ our own bug


def _driven(name: str, *rest: str) -> Wrapped:
    return Wrapped([], argv=[sys.executable, DRIVER, name, "--no-agent", *rest])


def test_a_bug_of_ours_has_a_traceback_and_leaves_no_worker() -> None:
    with _driven("bug", "--grace", "0.2", "--", *python("family.py", "group", "2", "stay", "deaf")) as wrapped:
        members = [int(word) for word in wrapped.ready()]
        main = wrapped.main
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() not in (0, -signal.SIGTERM)
        assert gone(main)
        until(lambda: all(gone(pid) for pid in members), "SIGKILL has reached all of them")
        assert "RuntimeError: a bug of ours" in wrapped.stderr
        assert "Traceback (most recent call last)" in wrapped.stderr


def test_after_a_bug_nothing_else_has_to_work() -> None:
    """No look at /proc and no import succeeds any more: the group is killed all the same."""
    with _driven("helpless", "--grace", "0.2", "--", *python("family.py", "group", "2", "stay", "deaf")) as wrapped:
        everybody = [wrapped.main, *(int(word) for word in wrapped.ready())]
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() not in (0, -signal.SIGTERM)
        until(lambda: all(gone(pid) for pid in everybody), "all killed")
        assert "RuntimeError: a bug of ours" in wrapped.stderr


def test_an_explanation_that_fails_costs_no_report(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    with _driven("unexplained", "--grace", "0.2", "--report", str(path), "--", *python("stubborn.py")) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
        assert "no explanation, for that failed: KeyError('a bug of ours'); please report it" in wrapped.stderr
        assert "had to be killed (SIGKILL)" in wrapped.stderr and "Traceback" not in wrapped.stderr
    assert report(path)["outcome"] == "killed"


def test_a_report_that_cannot_be_imported_costs_no_status() -> None:
    with _driven("untold", "--grace", "0.2", "--", *python("stubborn.py")) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
        assert "told in short, for more failed: ModuleNotFoundError" in wrapped.stderr
        assert re.search(r"supervisor: \S+: killed after 0\.\d\d s\n", wrapped.stderr)


@pytest.mark.parametrize("few", [False, True])
def test_after_a_bug_the_worker_still_gets_its_grace_period(few: bool, tmp_path: Path) -> None:
    """Also without descriptors to look who is left: nobody knows then that all have ended, so all of it is waited."""
    log = tmp_path / "log"
    with _driven("bug", "--grace", "2" if few else "20", "--", *python("cleanup_member.py", str(log))) as wrapped:
        wrapped.ready()
        if few:
            _, hard = resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(wrapped.pid, resource.RLIMIT_NOFILE, (3, hard))
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() != 0
        assert log.read_text() == "cleaned\n", "a member too"


def test_a_stepped_wall_clock_moves_no_deadline(tmp_path: Path) -> None:
    """Stepping the real one would step it for the whole machine, and a time namespace virtualises only the monotonic
    and boot clocks (time_namespaces(7)): so every look at it jumps, and what it says must not matter."""
    out = tmp_path / "report.json"
    rest = ["--escalation", "TERM/0.3/KILL", "--report", str(out), "--", *python("stubborn.py")]
    with _driven("clock", *rest) as wrapped:
        wrapped.ready()
        wrapped.send(signal.SIGTERM)
        assert wrapped.wait() == -signal.SIGKILL
    one = report(out)
    assert [climb["signal"] for climb in one["escalation"]] == ["SIGTERM", "SIGKILL"]
    assert 0.3 <= one["escalation"][1]["at"] <= one["spans"]["total"] < 30
