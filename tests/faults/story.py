"""What happened in one schedule, as the harness saw it from outside: the oracle's only input but the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["main", "member", "escapee", "bystander"]


@dataclass
class Came:
    """A signal that a process took: ``at`` by its own clock, ``late`` seconds before that it waited for a CPU."""

    at: float
    signal: int
    late: float


@dataclass
class Process:
    """One process that said hello. Instants are CLOCK_MONOTONIC seconds; ``gone`` is never before its death."""

    pid: int
    role: Role
    name: str
    hello: float
    token: str = ""  # in each line that it prints
    deaf: bool = False  # it ignores every request, for ever: only SIGKILL ends it
    signals: list[Came] = field(default_factory=list)
    announced: int | None = None
    gone: float | None = None
    # What the harness itself has done to it.
    killed: bool = False
    stopped: bool = False
    terminated: bool = False


@dataclass
class Story:
    """``requests``: when the harness asked for a stop, and of whom (None: of all)."""

    processes: list[Process] = field(default_factory=list)
    requests: list[tuple[float, str | None]] = field(default_factory=list)
    began: float = 0.0
    ended: float | None = None
    code: int | None = None
    hung: bool = False
    stalled: bool = False
    supervisor_killed: bool = False
    supervisor_stopped: bool = False
    hung_up: bool = False
    report: dict[str, Any] | None = None
    report_fault: str | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    left: list[int] = field(default_factory=list)
    terminal_differs: str | None = None
    answers: list[bytes] = field(default_factory=list)

    @property
    def asked(self) -> float | None:
        """When the first stop of everything was asked for."""
        return min((at for at, whom in self.requests if whom is None), default=None)

    def of(self, name: str) -> list[Process]:
        """The processes of a worker, in the order in which they said hello."""
        return [one for one in self.processes if one.name == name]
