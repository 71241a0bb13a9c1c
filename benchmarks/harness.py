"""Starts one supervisor on one job, reads the workers' stamps, cleans up; and the rounds of an experiment.

It knows neither a peer's options (peers.py) nor what is measured (wrapper.py, fleet.py). Times are CLOCK_MONOTONIC
nanoseconds, as the worker stamps them; results are milliseconds.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import random
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import psutil

from benchmarks.peers import ENVIRONMENT, PEERS, Job, Peer, Programs
from benchmarks.report import Experiment, Results, Values

HERE = Path(__file__).resolve().parent
MAIN, MEMBER = 1, 2
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_SLOT = struct.Struct("16Q")  # struct slot of worker.c
_HEADER, _SLOTS = 128, 8191

now = time.monotonic_ns


class BenchError(Exception):
    """This measurement could not be made; the round goes on without it."""


class Stamp(NamedTuple):
    """One worker's slot; 0 = has not happened."""

    pid: int
    role: int
    started: int
    signalled: int
    ended: int
    signal: int
    probed: int
    lines: int
    faults: int
    strangers: int


def build_worker() -> Path:
    """Compiles worker.c unless it is there and newer; raises BenchError without a C compiler."""
    source, binary = HERE / "worker.c", HERE / "build" / "worker"
    if binary.exists() and binary.stat().st_mtime >= source.stat().st_mtime:
        return binary
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise BenchError("no C compiler: the benchmarks' worker is written in C (apt-get install gcc libc6-dev)")
    binary.parent.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-static", "-s", "-Wall", "-Wextra", "-o", str(binary), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed:\n{done.stderr}")
    return binary


def prepare_process() -> None:
    """Orphans of a supervisor come to us to be killed and reaped; enough descriptors for 500 workers."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()  # psutil compares the start time: a reused pid is left alone
        except psutil.NoSuchProcess:
            pass


def sweep() -> None:
    """Kills and reaps everything below us. For between sessions: no Child may be open."""
    while below := psutil.Process().children(recursive=True):
        _kill(below)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break


class Child:
    """A process of ours: posix_spawn (the same small cost for all), a session of its own, its end by pidfd."""

    def __init__(self, argv: list[str], env: dict[str, str], stdin: int, stdout: int, stderr: int) -> None:
        moves = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate((stdin, stdout, stderr))]
        path = shutil.which(argv[0], path=ENVIRONMENT["PATH"]) or argv[0]
        self.begun = now()
        self.pid = os.posix_spawn(path, argv, ENVIRONMENT | env, file_actions=moves, setsid=True)
        self.pidfd = os.pidfd_open(self.pid)
        self.ended: int | None = None
        self.usage: resource.struct_rusage | None = None
        self.status: int | None = None

    def wait(self, timeout: float) -> int:
        """Nanosecond at which its end was seen; raises BenchError after ``timeout`` seconds."""
        if self.ended is None:
            poller = select.poll()
            poller.register(self.pidfd, select.POLLIN)
            seen = poller.poll(timeout * 1000)
            at = now()
            if not seen:
                raise BenchError(f"still running {timeout:g} s later")
            _, status, self.usage = os.wait4(self.pid, 0)
            self.status = os.waitstatus_to_exitcode(status)
            self.ended = at
        return self.ended

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        try:
            self.wait(0)
        except BenchError:
            return True
        return False

    def close(self) -> None:
        if self.ended is None:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            self.wait(20)
        os.close(self.pidfd)


class Session:
    """One supervisor on one job. Everything that it leaves is killed at the end, by pid."""

    def __init__(
        self, bench: Bench, subject: str, mode: list[str], *, job: Job | None = None, stdout: int | None = None
    ) -> None:
        peer = bench.peer(subject)
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
        stamps = self.folder / "stamps"
        with stamps.open("wb") as file:
            file.truncate(_HEADER + _SLOTS * _SLOT.size)
        with stamps.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        private = self.folder / "job"
        private.mkdir()
        self.base = [str(bench.worker), str(stamps)]
        job = job or Job(private, [])
        self.job = Job(private, [*self.base, *mode], job.count, job.grace, job.output, job.dashboard, job.report)
        self.launch = peer.launch(self.job, bench.programs.find(peer))
        self._errors = self.folder / "stderr"
        null = os.open(os.devnull, os.O_RDWR)
        errors = os.open(self._errors, os.O_WRONLY | os.O_CREAT)
        try:
            out = null if stdout is None else stdout
            self.child = Child(self.launch.argv, self.launch.env, null, out, errors)
        finally:
            os.close(null)
            os.close(errors)

    def stamps(self) -> list[Stamp]:
        """The slots taken so far, in the order of starting."""
        slots = (self._slot(index) for index in range(self.count()))
        return [Stamp(*slot[: len(Stamp._fields)]) for slot in slots]

    def _slot(self, index: int) -> tuple[int, ...]:
        return _SLOT.unpack_from(self._map, _HEADER + index * _SLOT.size)

    def count(self) -> int:
        """How many workers have begun."""
        return min(int.from_bytes(self._map[:8], sys.byteorder), _SLOTS)

    def wait_started(self, count: int, timeout: float = 60) -> None:
        """Returns when ``count`` workers have begun; raises BenchError with the supervisor's last words."""
        self.wait_until(lambda: self.count() >= count, timeout, f"{count} workers to begin")
        time.sleep(0.002)  # a slot is counted before it is filled

    def wait_until(self, true: Callable[[], bool], timeout: float, what: str) -> None:
        """Polls every 0.5 ms: the harness' own load must stay small beside what it measures."""
        end = now() + int(timeout * 1e9)
        while not true():
            if now() > end or not self.child.running:
                raise BenchError(f"waited for {what}; {self._state()}")
            time.sleep(0.0005)

    def _state(self) -> str:
        said = self._errors.read_text(errors="replace")[-300:].strip()
        return f"{self.count()} began, exit status {self.child.status}" + (f", stderr: {said}" if said else "")

    def stop(self) -> int:
        """Sends the signal that stops it; nanosecond just before."""
        at = now()
        signal.pidfd_send_signal(self.child.pidfd, self.launch.stop)
        return at

    def own(self) -> list[psutil.Process]:
        """The supervisor's own processes: its tree without the workers."""
        workers = {stamp.pid for stamp in self.stamps()}
        main = psutil.Process(self.child.pid)
        return [main] + [child for child in main.children(recursive=True) if child.pid not in workers]

    def close(self) -> None:
        """Kills its tree and the workers it left behind; what else it left is for sweep()."""
        below = {process.pid: process for process in psutil.Process().children(recursive=True)}
        left = {stamp.pid for stamp in self.stamps()}
        if self.child.running:
            left |= {process.pid for process in psutil.Process(self.child.pid).children(recursive=True)}
        self.child.close()
        _kill(below[pid] for pid in left & below.keys())
        self._map.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Bench:
    """What an experiment gets: the compiled worker, where the peers are, and the Python of the reference."""

    worker: Path
    programs: Programs
    python: str = sys.executable

    def peer(self, subject: str) -> Peer:
        return PEERS[subject]

    def session(self, subject: str, *mode: str, job: Job | None = None, stdout: int | None = None) -> Session:
        """One supervisor, started on a worker in ``mode``."""
        return Session(self, subject, list(mode), job=job, stdout=stdout)

    def spawn(self, argv: list[str], env: dict[str, str] | None = None) -> Child:
        """A process without stdio and without stamps."""
        null = os.open(os.devnull, os.O_RDWR)
        try:
            return Child(argv, env or {}, null, null, null)
        finally:
            os.close(null)

    def piped(self, argv: list[str]) -> tuple[Child, BinaryIO]:
        """A process and its stdout."""
        null = os.open(os.devnull, os.O_RDWR)
        reader, writer = os.pipe()
        try:
            return Child(argv, {}, null, writer, null), open(reader, "rb")  # the caller closes it
        finally:
            os.close(null)
            os.close(writer)


def rounds(
    bench: Bench, experiment: Experiment[Bench], subjects: list[str], count: int, told: Callable[[int], None]
) -> Results:
    """Runs the experiment ``count`` times over all subjects, each round in another order; tells the round's number.

    Round 0 warms caches (pages, pyc files) and is thrown away. Garbage collection of the harness is off while a
    round runs.
    """
    results = Results()
    for number in range(count + 1):
        told(number)
        gc.collect()
        gc.disable()
        try:
            measured = experiment.measure(bench, random.sample(subjects, len(subjects)))
        finally:
            gc.enable()
            sweep()
        if number:
            results.add(measured)
    return results


def one_by_one(sample: Callable[[Bench, str], Values]) -> Callable[[Bench, list[str]], dict[str, Values | str]]:
    """An experiment's round from a function that measures one subject: a failure of one leaves the others."""

    def measure(bench: Bench, order: list[str]) -> dict[str, Values | str]:
        taken: dict[str, Values | str] = {}
        for subject in order:
            try:
                taken[subject] = sample(bench, subject)
            except (BenchError, OSError, psutil.Error) as error:
                taken[subject] = f"{type(error).__name__}: {error}"
            sweep()
        return taken

    return measure
