"""CPU and memory of real processes."""

from __future__ import annotations

import os
import subprocess
import sys

from supervisor.top.usage import Sampler

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
BUSY = "x = bytearray(40_000_000); print('ready', flush=True)\nwhile True: pass"


def test_a_family_is_added_up_and_forgotten() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, BUSY], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            sampler = Sampler()
            assert sampler.look([process.pid], 100.0)
            first = sampler.usage[process.pid]
            assert first.cpu is None and first.memory > 40_000_000
            # The child burns CPU until the kernel's clock has counted some of it.
            while not sampler.usage[process.pid].cpu:
                sampler.look([process.pid], 101.0)
                sampler._cpu = {pid: (100.0, seconds) for pid, (_, seconds) in sampler._cpu.items()}
        finally:
            os.system(f"kill -9 $(cat /proc/{process.pid}/task/*/children)")
            process.kill()
    assert sampler.look([process.pid], 102.0)
    assert sampler.usage == {}


def test_the_same_again_is_no_change() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(b"x\n")
            process.stdin.flush()
            process.stdout.readline()  # from here on it only waits: nothing of it changes any more
            sampler = Sampler()
            sampler.look([process.pid], 1.0)
            sampler.look([process.pid], 2.0)
            assert sampler.look([process.pid], 3.0) is False
            assert sampler.usage[process.pid].cpu == 0
        finally:
            process.kill()


def test_a_zombie_takes_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        sampler = Sampler()
        sampler.look([process.pid], 1.0)
        assert sampler.usage == {}


def test_a_process_that_never_was() -> None:
    assert Sampler().look([2**22 + 5], 1.0) is False
