"""A worker that has become another user: what we may not signal is told so, and never as gone, stuck or killed."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import SUPERVISOR, Wrapped

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make processes of two users")

NOBODY = 65534
PR_CAPBSET_DROP, CAP_KILL = 24, 5  # linux/prctl.h, linux/capability.h
_prctl = ctypes.CDLL(None).prctl

BECOMES = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.setresuid(65534, 65534, 65534)
print("ready", os.getpid(), flush=True)
time.sleep(600)
"""
# Its child becomes another user; the main process itself leaves at once when it is asked to.
PARENT = f"""
import os, signal, sys, time
ours, theirs = os.pipe()
if os.fork() == 0:
    if "escape" in sys.argv:
        os.setsid()
    os.execv(sys.executable, [sys.executable, "-ESc", {BECOMES!r}])
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
time.sleep(600)
"""


def without_kill() -> None:
    """In the child: root that may signal no other user's processes, as any user without CAP_KILL."""
    assert _prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0) == 0


def stopped(tmp_path: Path, program: str, *arguments: str) -> tuple[int, str, dict[str, Any], int]:
    """Run the program and stop it; our exit code, stderr, the record, and the pid of what became another user."""
    path = tmp_path / "end.json"
    argv = [SUPERVISOR, "run", "--escalation", "TERM/0.3/KILL/0.3", "--report", str(path), "--"]
    argv += [sys.executable, "-ESc", program, *arguments]
    with Wrapped([], argv=argv, preexec_fn=without_kill) as wrapped:
        (pid,) = map(int, wrapped.ready())
        wrapped.send(signal.SIGTERM)
        code = wrapped.wait()
        assert os.path.exists(f"/proc/{pid}")
        os.kill(pid, signal.SIGKILL)
        assert "Traceback" not in wrapped.stderr
        return code, wrapped.stderr, json.loads(path.read_text())["shutdowns"][0], pid


def test_a_main_process_of_another_user(tmp_path: Path) -> None:
    code, text, end, pid = stopped(tmp_path, BECOMES)
    assert (code, end["outcome"], end["exit_code"], end["signal"], end["pid"]) == (125, "stuck", None, None, pid)
    climbs = [(one["signal"], one["result"], one["delivered"], one["user"]) for one in end["escalation"]]
    assert climbs == [(name, "not permitted", False, "nobody") for name in ("SIGTERM", "SIGKILL")]
    first, *more = end["findings"]
    assert (first["code"], first["severity"]) == ("not-permitted", "error")
    assert first["title"] == "Not permitted to signal it: it runs as nobody, and it is still running"
    assert f"sudo kill -TERM {pid}" in first["advice"]
    assert not {"killed", "signal-ignored"} & {one["code"] for one in more}, "it ignores what never reached it"
    assert "is still running, not permitted to signal it (it runs as nobody)" in " ".join(text.split())
    assert "not permitted to send SIGTERM to it: it runs as nobody" in text
    for false in ("state D", "SIGKILL ended", "stuck in the kernel", "no process was left"):
        assert false not in text, text


@pytest.mark.parametrize("how", [(), ("escape",)])
def test_a_child_of_another_user_outlives_the_main_process(how: tuple[str, ...], tmp_path: Path) -> None:
    """kill(2) to the group says that it worked when the zombie of the main process alone got it."""
    code, text, end, pid = stopped(tmp_path, PARENT, *how)
    assert (code, end["outcome"], end["exit_code"]) == (0, "stuck", 0)
    last = end["escalation"][-1]
    assert (last["signal"], last["result"], last["user"]) == ("SIGKILL", "not permitted", "nobody")
    assert [(one["pid"], one["fate"], one["user"]) for one in end["leftovers"]] == [(pid, "left", "nobody")]
    assert end["findings"][0]["code"] == "not-permitted"
    assert end["leftovers_known"] is True
    said = " ".join(text.split())
    assert f"(pid {pid}): still running, not permitted to signal it (it runs as nobody)" in said
    for false in ("state D", "SIGKILL ended", "stuck in the kernel", "no process was left"):
        assert false not in said, text
