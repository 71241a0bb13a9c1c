"""A Ctrl-C that comes while the agent starts: the program's end shows no frame of ours."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import supervisor.agent

BOOT = Path(supervisor.agent.__file__).parent / "boot"
# The signal comes when the agent's code has been found, before it is executed, and before this process sleeps.
INTERRUPTED = """
import _imp, _signal, os, sys
real = _imp._fix_co_filename
def fix(code, name):
    real(code, name)
    if name.endswith("/" + sys.argv[1]):
        os.kill(os.getpid(), _signal.SIGINT)
_imp._fix_co_filename = fix
try:
    import sitecustomize
except ImportError:
    pass
assert _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
print("started", "_sigdrain_agent" in sys.modules)
"""


def boot(when: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(BOOT), "SIGDRAIN_AGENT_SOCKET": str(tmp_path / "nobody"), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-Sc", INTERRUPTED, when], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("when", ["_sigdrain_agent", "sitecustomize"])
def test_an_interrupt_meanwhile_ends_the_program_without_a_traceback(when: str, tmp_path: Path) -> None:
    done = boot(when, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def test_afterwards_an_interrupt_is_pythons_own_again(tmp_path: Path) -> None:
    done = boot("never", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started True\n", "")


def test_an_interrupt_in_an_import_shows_no_frame_of_ours(tmp_path: Path) -> None:
    """We watch the import of some modules of the standard library: what is raised meanwhile passes through us."""
    (tmp_path / "signal.py").write_text("raise KeyboardInterrupt\n")
    program = "import sys; sys.path.insert(0, sys.argv[1]); import signal"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(tmp_path / "agents"))
        listening.listen()
        env = {"PYTHONPATH": str(BOOT), "SIGDRAIN_AGENT_SOCKET": str(tmp_path / "agents"), "PATH": os.environ["PATH"]}
        argv = [sys.executable, "-c", program, str(tmp_path)]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "KeyboardInterrupt" in done.stderr
    assert "sigdrain" not in done.stderr and str(BOOT) not in done.stderr, done.stderr
