"""What the dashboard costs: ``python -m top.cost`` in tests/. Not a test: figures of a busy machine prove nothing.

The dearest screen: 50 real processes on it, all stopping (each row's bar moves in every frame), 8 state changes and
200 log lines every quarter of a second. The goal is 10 % of a core.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

import psutil

from tests.top.terminal import Terminal


def measure(seconds: float, *options: str) -> tuple[float, int, float]:
    """CPU share of one core, frames, resident bytes of the dashboard over so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/control"
        fleet = subprocess.Popen([sys.executable, "-m", "top.fleet", path, "50", *options])
        while not os.path.exists(path):
            time.sleep(0.05)
        shown = Terminal([sys.executable, "-P", "-m", "supervisor.top", path], columns=120, rows=80)
        try:
            shown.until("api.4")
            process = psutil.Process(shown.process.pid)
            before, frames, began = sum(process.cpu_times()[:2]), shown.frames, time.monotonic()
            while time.monotonic() < began + seconds:
                shown._read(1.0)
            used, took = sum(process.cpu_times()[:2]) - before, time.monotonic() - began
            return used / took, shown.frames - frames, process.memory_info().rss
        finally:
            shown.close()
            fleet.terminate()
            fleet.wait()


if __name__ == "__main__":
    for name, options in (("50 busy rows", ["--busy"]), ("50 calm rows", [])):
        share, frames, memory = measure(20, *options)
        print(f"{name}: {share:.1%} of a core, {frames} frames in 20 s, {memory / 1e6:.1f} MB resident")
