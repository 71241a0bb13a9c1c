"""The unit of systemd that we are the main process of: its KillMode and TimeoutStopSec, asked of `systemctl show`.

No variable of ours has them. The question is put by a process of its own, so that the loop waits for nothing.
"""

from __future__ import annotations

import os

from supervisor.system import signals
from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisor.system.poller import Poller

# Seconds after which systemd is asked no longer: it is busy, or it is not there.
PATIENCE = 2.0
TOOL = "systemctl"
_MOST = 4096


def name(environ: Mapping[str, str]) -> tuple[str, bool] | None:
    """Return our unit, and whether it is the user manager's; None when systemd has not started us itself.

    Everything below a service inherits its variables; SYSTEMD_EXEC_PID (systemd 248) names its main process.
    """
    if environ.get("SYSTEMD_EXEC_PID") != str(os.getpid()):
        return None
    for line in os.fsdecode(reading.read("/proc/self/cgroup", 8192) or b"").splitlines():
        parts = line.partition("::")[2].split("/")  # of the unified hierarchy (cgroups(7))
        services = [part for part in parts if part.endswith(".service")]
        if services:
            return services[-1], any(part.startswith("user@") for part in parts[: parts.index(services[-1])])
    return None


class Question:
    """A question that is being asked; a source of the loop until it is answered. ``kept``: our children that somebody
    waits for: they belong to no worker."""

    def __init__(
        self,
        poller: Poller,
        kept: set[int],
        unit: str,
        *,
        user: bool,
        answered: Callable[[Mapping[str, str], float], object],
        at: float,
    ) -> None:
        """Ask; ``answered(properties, at)`` is called with what was told, nothing after PATIENCE. Raises OSError."""
        self.deadline: float | None = at + PATIENCE
        self._poller, self._kept, self._answered = poller, kept, answered
        self._said = b""
        argv = [TOOL, *(["--user"] if user else []), "show", "--property=KillMode,TimeoutStopUSec", "--", unit]
        self._reader, writer = os.pipe()
        try:
            to_null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 2)]
            actions = [*to_null, (os.POSIX_SPAWN_DUP2, writer, 1)]
            self._pid = os.posix_spawnp(TOOL, argv, os.environ, file_actions=actions, setsigmask=(), setsid=True)
        except OSError:
            os.close(self._reader)
            raise
        finally:
            os.close(writer)
        kept.add(self._pid)
        os.set_blocking(self._reader, False)
        poller.watch(self._reader, lambda at, _: self._read(at))

    def tick(self, at: float) -> None:
        """Give it up."""
        self._over({}, at)

    def _read(self, at: float) -> None:
        try:
            chunk = os.read(self._reader, _MOST)
        except BlockingIOError:
            return
        self._said += chunk
        if not chunk or len(self._said) > _MOST:
            self._over(parse(self._said.decode(errors="replace")), at)

    def _over(self, found: Mapping[str, str], at: float) -> None:
        self.deadline = None
        self._poller.unwatch(self._reader)
        os.close(self._reader)
        os.kill(self._pid, signals.KILL)  # it has said all, or too much, or is too late: it is not waited for
        os.waitpid(self._pid, 0)
        self._kept.discard(self._pid)
        self._answered(found, at)


def parse(text: str) -> dict[str, str]:
    """Return the properties that `systemctl show` has printed; none when it printed something else."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and "\0" not in line)
