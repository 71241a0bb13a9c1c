"""The calls that go through the C part of `ctypes`, on every Python that can run us: results, errno of failures."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.pythons import find

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from supervisor.system import libc
import errno, os, signal
libc.prctl(libc.PR_SET_CHILD_SUBREAPER, 1)
for option, value in ((libc.PR_SET_PDEATHSIG, 1 << 40), (libc.PR_SET_NO_NEW_PRIVS, 7), (4242, 0)):
    try:
        libc.prctl(option, value)
    except OSError as error:
        print(errno.errorcode[error.errno], error.strerror)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
fd = libc.signalfd(frozenset({signal.SIGUSR1}))
os.kill(os.getpid(), signal.SIGUSR1)
print(os.get_blocking(fd), os.get_inheritable(fd), os.read(fd, 128)[0] == signal.SIGUSR1)
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (fd + 1, fd + 1))
try:
    libc.signalfd(frozenset({signal.SIGUSR1}))
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_a_failure_has_its_own_errno(version: str) -> None:
    done = subprocess.run(
        [find(version), "-c", PROGRAM, str(ROOT)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [*["EINVAL Invalid argument"] * 3, "False False True", "EMFILE"]
