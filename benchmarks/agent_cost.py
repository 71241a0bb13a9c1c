"""What the agent costs a worker: `python -m benchmarks.agent_cost [--python PATH]… [--rounds N]`. Prints Markdown.

Method. Each figure compares a program with the agent and the same program without it, in interleaved rounds (off,
on, on, off, …), so that a machine that warms up or is busy for a while hits both. Each round gives one pair; shown
are the median of the pairs' differences (or ratios), with the 10th and 90th percentile of the pairs as the spread,
and the difference of the two minima, which a busy machine disturbs least.

* start: `python -c pass`, and a program that imports asyncio and runs an empty coroutine, from fork to exit; with
  compiled files of the agent, without any (a copy of the agent, `PYTHONDONTWRITEBYTECODE`), and without but with
  the code that an earlier start of the same worker left in the channel's folder.
* memory: private memory (Private_Dirty of smaps_rollup) of an idle asyncio program.
* tasks: tasks per second of a running loop; nothing of the agent is switched on then.
* probe: from SIGURG to "ready" as the receiver sees it, and the agent's own part.
* shutdown: from SIGTERM to exit with 5 and with 10 000 tasks that each run a cleanup; probed first, as the
  supervisor does it, which is not part of the time (the stop signal waits for it at most 250 ms).
* watched: CPU time of a loop that makes 100 000 `call_soon()` a second for 2 s, while a shutdown is watched; with
  uvloop where that Python has it.
* forwarding: from SIGTERM to `supervisor run` until the handler of its asyncio worker, the probe included; beside it
  `run --no-agent`. Needs the installed `supervisor` beside the Python that runs this.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.meeting import Meeting

if TYPE_CHECKING:
    from collections.abc import Callable

ASYNCIO = "import asyncio\nasync def main(): pass\nasyncio.run(main())"
IDLE = """
import asyncio, sys
async def main():
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
TASKS = """
import asyncio, time
async def one(): await asyncio.sleep(0)
async def main():
    begun = time.perf_counter()
    for _ in range(60): await asyncio.gather(*[one() for _ in range(500)])
    print(30_000 / (time.perf_counter() - begun), flush=True)
asyncio.run(main())
"""
DRAIN = """
import asyncio, signal
async def inner(): await asyncio.sleep(3600)
async def job():
    try: await inner()
    finally: await asyncio.sleep(0.05)
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.ensure_future(job()) for _ in range({count})]
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stop.wait()
    for task in tasks: task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
asyncio.run(main())
"""
PACED = """
import asyncio, time
async def main():
    print("ready", flush=True)
    await asyncio.sleep(0.3)
    loop, begun, used = asyncio.get_running_loop(), time.monotonic(), time.process_time()
    for turn in range(200):
        for _ in range(1000): loop.call_soon(int)
        await asyncio.sleep(max(0, begun + turn / 100 - time.monotonic()))
    print(time.process_time() - used, flush=True)
asyncio.run(main())
"""
UVLOOP = "import uvloop; uvloop.install()"
FORWARDED = """
import asyncio, os, signal, time
async def main():
    stop = asyncio.Event()
    def handler():
        print(time.monotonic(), flush=True)
        stop.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, handler)
    print("ready", flush=True)
    await stop.wait()
asyncio.run(main())
"""


class Child:
    """One program under measurement, with the agent (a channel) or without."""

    def __init__(
        self, python: str, code: str, channel: Channel | None, env: dict[str, str], wrapper: list[str] | None = None
    ) -> None:
        self.channel = channel
        added = inject.environment(env, channel.meeting.path) if channel else {}
        if channel and "BOOT" in env:
            added["PYTHONPATH"] = env["BOOT"]
        self.out, end = os.pipe()
        self.begun = time.monotonic()
        actions = [(os.POSIX_SPAWN_DUP2, end, 1), (os.POSIX_SPAWN_CLOSE, self.out)]
        argv = [*(wrapper or ()), python, "-c", code]
        self.pid = os.posix_spawn(argv[0], argv, env | added, file_actions=actions)
        os.close(end)
        self.pidfd = os.pidfd_open(self.pid)

    def line(self) -> str:
        text = b""
        while not text.endswith(b"\n"):
            self.hear(self.out)
            text += os.read(self.out, 1) if select.select([self.out], [], [], 0)[0] else b""
        return text.decode().strip()

    def hear(self, *others: int) -> list[str]:
        """Wait for something; what the agent said meanwhile."""
        select.select([*others, *([self.channel.fileno()] if self.channel else [])], [], [])
        return [message.event for message in self.channel.read(time.monotonic())] if self.channel else []

    def probe(self) -> float:
        """Seconds from SIGURG to "ready"."""
        assert self.channel is not None
        while not self.channel.live(self.pid):
            self.hear()
        begun = time.monotonic()
        os.kill(self.pid, signal.SIGURG)
        while "ready" not in self.hear():
            pass
        return time.monotonic() - begun

    def end(self) -> float:
        """Seconds since ``begun`` at its exit."""
        while not select.select([self.pidfd], [], [], 0)[0]:
            self.hear(self.pidfd)
        took = time.monotonic() - self.begun
        os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        os.close(self.out)
        return took

    def private(self) -> float:
        """MB of its own memory."""
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Private_Dirty")) / 1024


class Bench:
    def __init__(self, python: str, rounds: int) -> None:
        self.python, self.rounds = python, rounds
        self.channel = Channel(Meeting())
        kept = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPYCACHEPREFIX")
        self.uncompiled = os.path.join(tempfile.mkdtemp(), "agent")
        shutil.copytree(os.path.dirname(inject.BOOT), self.uncompiled, ignore=shutil.ignore_patterns("__pycache__"))
        self.env = {key: value for key, value in os.environ.items() if key not in kept}

    def close(self) -> None:
        self.channel.close()
        shutil.rmtree(os.path.dirname(self.uncompiled))

    def pairs(
        self, measure: Callable[[Channel | None], float], rounds: int | None = None
    ) -> list[tuple[float, float]]:
        """(off, on) of each round, in an order that alternates; the first round is warm-up."""
        out = []
        for number in range((rounds or self.rounds) + 1):
            if number % 2:
                on = measure(self.channel)
                off = measure(None)
            else:
                off = measure(None)
                on = measure(self.channel)
            while self.channel.pids():
                self.channel.read(time.monotonic())
            out.append((off, on))
        return out[1:]

    def start(self, code: str, env: dict[str, str], forget: bool = False) -> list[tuple[float, float]]:
        def measure(channel: Channel | None) -> float:
            if forget and channel:
                folder = channel.meeting.folder
                for name in os.listdir(folder):
                    if name.startswith("_sigdrain"):
                        os.unlink(os.path.join(folder, name))
            return Child(self.python, code, channel, env).end()

        return self.pairs(measure)

    def memory(self) -> list[tuple[float, float]]:
        def measure(channel: Channel | None) -> float:
            child = Child(self.python, IDLE, channel, self.env)
            child.line()
            used = child.private()
            os.kill(child.pid, signal.SIGKILL)
            child.end()
            return used

        return self.pairs(measure, min(self.rounds, 10))

    def tasks(self) -> list[tuple[float, float]]:
        def measure(channel: Channel | None) -> float:
            child = Child(self.python, TASKS, channel, self.env)
            rate = float(child.line())
            child.end()
            return rate

        return self.pairs(measure, max(5, self.rounds // 2))

    def watched(self, code: str) -> list[tuple[float, float]]:
        def measure(channel: Channel | None) -> float:
            child = Child(self.python, code, channel, self.env)
            child.line()
            if channel:
                child.probe()
            used = float(child.line())
            child.end()
            return used

        return self.pairs(measure, max(5, self.rounds // 3))

    def has_uvloop(self) -> bool:
        return not subprocess.run([self.python, "-c", "import uvloop"], capture_output=True, check=False).returncode

    def forwarding(self) -> list[tuple[float, float]]:
        supervisor = os.path.join(os.path.dirname(sys.executable), "supervisor")

        def measure(channel: Channel | None) -> float:
            wrapper = [supervisor, "run", *([] if channel else ["--no-agent"]), "-q", "--"]
            child = Child(self.python, FORWARDED, None, self.env, wrapper)
            child.line()
            time.sleep(0.3)
            asked = time.monotonic()
            os.kill(child.pid, signal.SIGTERM)
            handled = float(child.line())
            child.end()
            return handled - asked

        return self.pairs(measure)

    def shutdown(self, count: int) -> tuple[list[tuple[float, float]], list[float]]:
        probes = []

        def measure(channel: Channel | None) -> float:
            child = Child(self.python, DRAIN.replace("{count}", str(count)), channel, self.env)
            child.line()
            if channel:
                probes.append(child.probe())
            child.begun = time.monotonic()
            os.kill(child.pid, signal.SIGTERM)
            return child.end()

        return self.pairs(measure, self.rounds if count < 1000 else max(5, self.rounds // 3)), probes[1:]


def quantile(values: list[float], at: float) -> float:
    return sorted(values)[min(len(values) - 1, int(at * len(values)))]


def difference(pairs: list[tuple[float, float]], scale: float, unit: str) -> str:
    values = [(on - off) * scale for off, on in pairs]
    least = (min(on for _, on in pairs) - min(off for off, _ in pairs)) * scale
    spread = f"{quantile(values, 0.1):+.2f} … {quantile(values, 0.9):+.2f}"
    base = statistics.median(off for off, _ in pairs) * scale
    return f"{statistics.median(values):+.2f} {unit} | {spread} | {least:+.2f} | {base:.1f} {unit} | {len(pairs)}"


def ratio(pairs: list[tuple[float, float]], best: Callable[[list[float]], float], scale: float, unit: str) -> str:
    values = [on / off for off, on in pairs]
    spread = f"{quantile(values, 0.1):.3f} … {quantile(values, 0.9):.3f}"
    least = best([on for _, on in pairs]) / best([off for off, _ in pairs])
    base = statistics.median(off for off, _ in pairs) * scale
    return f"× {statistics.median(values):.3f} | {spread} | × {least:.3f} | {base:.1f} {unit} | {len(pairs)}"


def measure(python: str, rounds: int, only: list[str]) -> None:
    bench = Bench(python, rounds)
    bare = bench.env | {"PYTHONDONTWRITEBYTECODE": "1", "BOOT": os.path.join(bench.uncompiled, "boot")}
    print(f"\n### {os.path.basename(python)} ({python})\n")
    print(
        "| what | median of pairs | p10 … p90 | of the best | without the agent | pairs |\n|---|---|---|---|---|---|"
    )

    def row(name: str, text: Callable[[], str]) -> None:
        if not only or any(word in name for word in only):
            print(f"| {name} | {text()} |", flush=True)

    row("start, `pass`, compiled", lambda: difference(bench.start("pass", bench.env), 1e3, "ms"))
    row("start, `pass`, not compiled", lambda: difference(bench.start("pass", bare, True), 1e3, "ms"))
    row("start, `pass`, not compiled, later", lambda: difference(bench.start("pass", bare), 1e3, "ms"))
    row("start, asyncio, compiled", lambda: difference(bench.start(ASYNCIO, bench.env), 1e3, "ms"))
    row("start, asyncio, not compiled", lambda: difference(bench.start(ASYNCIO, bare, True), 1e3, "ms"))
    row("start, asyncio, not compiled, later", lambda: difference(bench.start(ASYNCIO, bare), 1e3, "ms"))
    row("memory, asyncio", lambda: difference(bench.memory(), 1, "MB"))
    row("tasks per second", lambda: ratio(bench.tasks(), max, 1e-3, "k/s"))
    row("watched, asyncio", lambda: ratio(bench.watched(PACED), min, 1e3, "ms"))
    if bench.has_uvloop():
        row("watched, uvloop", lambda: ratio(bench.watched(UVLOOP + PACED), min, 1e3, "ms"))
    row("forwarding", lambda: difference(bench.forwarding(), 1e3, "ms"))
    five: list[float] = []

    def shutdown_of_five() -> str:
        pairs, probes = bench.shutdown(5)
        five.extend(probes)
        return difference(pairs, 1e3, "ms")

    row("shutdown, 5 tasks", shutdown_of_five)
    row("shutdown, 10 000 tasks", lambda: ratio(bench.shutdown(10_000)[0], min, 1e3, "ms"))
    if five:
        spread = f"{quantile(five, 0.1) * 1e3:.2f} … {quantile(five, 0.9) * 1e3:.2f}"
        least = f"{min(five) * 1e3:.2f}"
        print(f"| probe to ready | {statistics.median(five) * 1e3:.2f} ms | {spread} | {least} | | {len(five)} |")
    bench.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", action="append", help="an interpreter (repeatable; default: this one)")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", action="append", default=[], help="rows whose name has this word (repeatable)")
    options = parser.parse_args()
    for python in options.python or [sys.executable]:
        measure(python, options.rounds, options.only)


if __name__ == "__main__":
    main()
