"""What the workers on screen take: CPU and memory of their main process and its descendants, by psutil."""

from __future__ import annotations

import psutil

from supervisor.system.proc.reading import children
from supervisor.views.dashboard.rows import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds between two looks; psutil costs 90 us a process (benchmarks), 50 workers so take 0.3 % of a core.
EVERY = 2.0
# Descendants of one worker that are added up; a worker with more is told by these.
MOST_DESCENDANTS = 64


class Sampler:
    """Remembers the last look, because CPU is a difference; forgets who is no longer looked at."""

    def __init__(self) -> None:
        self.usage: dict[int, Usage] = {}
        self._processes: dict[int, psutil.Process] = {}
        self._cpu: dict[int, tuple[float, float]] = {}

    def look(self, pids: Iterable[int], now: float) -> bool:
        """Look at these workers' main processes; whether anything that could be shown is different."""
        usage: dict[int, Usage] = {}
        processes: dict[int, psutil.Process] = {}
        cpu: dict[int, tuple[float, float]] = {}
        for pid in pids:
            used, memory = 0.0, 0
            for one in _family(pid):
                process = self._processes.get(one) or _process(one)
                facts = _facts(process)
                if process is None or facts is None:
                    continue
                processes[one] = process
                cpu[one] = (now, facts[0])
                before = self._cpu.get(one)
                if before is not None and now > before[0]:
                    used += max(facts[0] - before[1], 0.0) / (now - before[0])
                memory += facts[1]
            if pid in processes:
                usage[pid] = Usage(used if pid in self._cpu else None, memory)
        self._processes, self._cpu = processes, cpu
        changed = usage != self.usage
        self.usage = usage
        return changed


def _family(pid: int) -> list[int]:
    """Return the process and its descendants, nearest first."""
    found = [pid]
    for one in found:
        if len(found) > MOST_DESCENDANTS:
            break
        found += children(one)
    return found[: MOST_DESCENDANTS + 1]


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _facts(process: psutil.Process | None) -> tuple[float, int] | None:
    """Return the CPU seconds so far and the bytes resident; None when it is gone, a zombie, or hidden from us."""
    if process is None:
        return None
    try:
        with process.oneshot():
            times = process.cpu_times()
            memory = process.memory_info().rss
            # A zombie has none: it has ended, and is only kept until its group has.
            return (times.user + times.system, memory) if memory else None
    except psutil.Error:
        return None
