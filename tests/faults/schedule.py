"""What one seed stands for: who runs, what goes wrong and when, and how the stop is asked for. Pure."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from typing import Literal, TypeAlias

OnStop: TypeAlias = Literal["exit", "fail", "slow", "ignore", "default", "asyncio"]
Birth: TypeAlias = Literal["group", "setsid", "orphan"]
Kind: TypeAlias = Literal[
    "signals", "kill", "suspend-supervisor", "suspend", "terminate", "status", "stop-one", "explain", "garbage",
    "idle", "stall", "flood", "reuse", "hang-up", "kill-supervisor",
]  # fmt: skip

# The stop requests of `run` and `up`; every other signal is passed on by `run` and dropped by `up`.
# What the harness itself sends to processes of the fleet, and nobody else sends to anybody.
UNEXPECTED = signal.SIGRTMIN + 3
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
HARMLESS = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGCONT,
    signal.SIGCHLD,
    signal.SIGALRM,
    signal.SIGPIPE,
)


@dataclass(frozen=True)
class Child:
    """A further process of a worker: in its group, in a session of its own, or there as an orphan."""

    birth: Birth
    on_stop: OnStop


@dataclass(frozen=True)
class Worker:
    """One worker of the schedule. ``waits`` are the seconds of its ladder's rungs, before INT and before KILL."""

    name: str
    on_stop: OnStop
    waits: tuple[float, ...]
    children: tuple[Child, ...] = ()
    lives: float | None = None
    code: int = 0
    instances: int = 1
    restart: Literal["never", "on-failure", "always"] = "never"
    lines: int = 0
    agent: bool = True
    missing: bool = False

    @property
    def ladder(self) -> str:
        """The ladder as the config spells it."""
        signals = ("TERM", "INT")[: len(self.waits)]
        return "/".join(f"{name}/{wait:g}" for name, wait in zip(signals, self.waits, strict=True)) + "/KILL"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, ``at`` seconds after the start. ``pick`` in [0, 1) chooses among what lives then."""

    at: float
    kind: Kind
    pick: float = 0.0
    signals: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """All of one run. ``stop_at`` is when the stop is asked for, by the signal ``stop_by``."""

    seed: int
    command: Literal["run", "up"]
    workers: tuple[Worker, ...]
    faults: tuple[Fault, ...]
    stop_at: float
    stop_by: int
    terminal: bool = False
    descriptors: int | None = None
    full_disk: bool = False
    json_lines: bool = False

    @property
    def patience(self) -> float:
        """Seconds from the stop request to the end that every contract together allows.

        A main process, then its group, then escapees told late: three ladders. Then 5 s for readers that do not read.
        """
        return 3 * max(sum(worker.waits) for worker in self.workers) + 5.0


def schedule(seed: int) -> Schedule:
    """Return the schedule of this seed, always the same."""
    chance = random.Random(seed)
    command: Literal["run", "up"] = "run" if chance.random() < 0.4 else "up"
    terminal = chance.random() < 0.12
    count = 1 if command == "run" else chance.choice((1, 2, 2, 3, 5))
    workers = tuple(_worker(chance, f"w{index}", command) for index in range(count))
    stop_at = round(chance.uniform(0.5, 1.6), 3)
    faults = [_fault(chance, command, terminal, stop_at) for _ in range(chance.randint(5, 20))]
    return Schedule(
        seed=seed,
        command=command,
        workers=workers,
        faults=tuple(sorted(faults, key=lambda fault: fault.at)),
        stop_at=stop_at,
        stop_by=chance.choice((signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)),
        terminal=terminal,
        descriptors=chance.choice((None, None, None, 40, 64, 128, 256)),
        full_disk=chance.random() < 0.1,
        json_lines=command == "up" and chance.random() < 0.3,
    )


def _worker(chance: random.Random, name: str, command: str) -> Worker:
    children = tuple(
        Child(chance.choice(("group", "setsid", "orphan")), chance.choice(("exit", "slow", "ignore", "default")))
        for _ in range(chance.choice((0, 0, 1, 1, 2, 4)))
    )
    on_stop: OnStop = chance.choice(("exit", "exit", "fail", "slow", "ignore", "ignore", "default", "asyncio"))
    return Worker(
        name,
        on_stop,
        waits=chance.choice(((0.4,), (0.6,), (0.3, 0.3), (0.5, 0.25))),
        children=children,
        lives=round(chance.uniform(0.05, 0.8), 3) if chance.random() < 0.25 else None,
        code=chance.choice((0, 0, 3)),
        instances=chance.choice((1, 1, 1, 2, 4)) if command == "up" else 1,
        restart=chance.choice(("never", "on-failure", "always")),
        lines=chance.choice((0, 0, 0, 50, 2000)),
        agent=chance.random() < 0.7,
        missing=command == "up" and chance.random() < 0.05,
    )


def _fault(chance: random.Random, command: str, terminal: bool, stop_at: float) -> Fault:
    kinds: list[Kind] = ["signals", "kill", "suspend-supervisor", "suspend", "terminate", "flood", "reuse"]
    kinds += ["stall"] if not terminal else ["hang-up"]
    if command == "up":
        kinds += ["status", "status", "stop-one", "explain", "garbage", "idle"]
    kind = chance.choice(kinds)
    if kind == "hang-up" and chance.random() < 0.7:
        kind = "status" if command == "up" else "suspend"
    if chance.random() < 0.005:
        kind = "kill-supervisor"
    # A fifth of the signals are stop requests, which begin or hurry the stop.
    among = STOPPING if chance.random() < 0.2 else HARMLESS
    return Fault(
        at=round(chance.uniform(0.0, stop_at + 0.8), 3),
        kind=kind,
        pick=chance.random(),
        signals=tuple(chance.choice(among) for _ in range(chance.randint(1, 6))) if kind == "signals" else (),
        seconds=round(chance.choice((0.02, 0.1, 0.5)), 3),
    )
