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
import termios
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import psutil

from benchmarks.peers import ENVIRONMENT, PEERS, Job, Programs
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
    worst: int
    total: int


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


class Stamps:
    """The file that workers write their stamps into, mapped."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("wb") as file:
            file.truncate(_HEADER + _SLOTS * _SLOT.size)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def count(self) -> int:
        """How many workers have begun."""
        return min(int.from_bytes(self._map[:8], sys.byteorder), _SLOTS)

    def all(self) -> list[Stamp]:
        """The slots taken so far, in the order of starting."""
        places = (_HEADER + index * _SLOT.size for index in range(self.count()))
        return [Stamp(*_SLOT.unpack_from(self._map, place)[: len(Stamp._fields)]) for place in places]

    def clear(self, field: str) -> None:
        """Sets a field of the first slot to 0."""
        place = _HEADER + Stamp._fields.index(field) * 8
        self._map[place : place + 8] = bytes(8)

    def close(self) -> None:
        self._map.close()


def scratch() -> Path:
    """A new folder in memory where there is /dev/shm: no disk is measured."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="bench-", dir=base))


class Session:
    """One supervisor on one job. Everything that it leaves is killed at the end, by pid."""

    def __init__(
        self,
        bench: Bench,
        subject: str,
        *mode: str,
        count: int = 1,
        grace: float | None = None,
        report: bool = False,
        stdout: int | None = None,
    ) -> None:
        peer = PEERS[subject]
        self.folder = scratch()
        self._stamps = Stamps(self.folder / "stamps")
        private = self.folder / "job"
        private.mkdir()
        self.report = self.folder / "report.json"
        command = [str(bench.worker), str(self._stamps.path), *mode]
        job = Job(private, command, count, grace, self.report if report else None)
        self.launch = peer.launch(job, bench.programs.find(peer))
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
        """The workers' stamps, in the order of starting."""
        return self._stamps.all()

    def wait_started(self, count: int, timeout: float = 60) -> None:
        """Returns when ``count`` workers have begun; raises BenchError with the supervisor's last words."""
        self.wait_until(lambda: self._stamps.count() >= count, timeout, f"{count} workers to begin")
        time.sleep(0.002)  # a slot is counted before it is filled

    def wait_all_ended(self, timeout: float = 30) -> None:
        """Returns when every worker has written its last stamp; raises BenchError."""
        end = now() + int(timeout * 1e9)
        while left := sum(not stamp.ended for stamp in self.stamps()):
            if now() > end:
                raise BenchError(f"{left} workers did not end")
            time.sleep(0.001)

    def wait_until(self, true: Callable[[], bool], timeout: float, what: str) -> None:
        """Polls every 0.5 ms: the harness' own load must stay small beside what it measures."""
        end = now() + int(timeout * 1e9)
        while not true():
            if now() > end or not self.child.running:
                raise BenchError(f"waited for {what}; {self._state()}")
            time.sleep(0.0005)

    def _state(self) -> str:
        said = self._errors.read_text(errors="replace")[-300:].strip()
        return f"{self._stamps.count()} began, exit status {self.child.status}" + (
            f", stderr: {said}" if said else ""
        )

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
        self._stamps.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reader:
    """The worker in a reading mode, on the other end of a supervisor's stdout."""

    def __init__(self, bench: Bench, mode: str) -> None:
        self._folder = scratch()
        self._stamps = Stamps(self._folder / "stamps")
        null = os.open(os.devnull, os.O_RDWR)
        reader, self.writer = os.pipe()
        try:
            self._child = Child([str(bench.worker), str(self._stamps.path), mode], {}, reader, null, null)
        finally:
            os.close(null)
            os.close(reader)
        while not self._stamps.count():
            time.sleep(0.001)

    def stamp(self) -> Stamp:
        """What it has read so far."""
        return self._stamps.all()[0]

    def reset(self) -> Stamp:
        """Forgets the worst delay; what it has read so far."""
        self._stamps.clear("worst")
        return self.stamp()

    def close(self) -> None:
        os.close(self.writer)
        self._child.close()
        self._stamps.close()
        shutil.rmtree(self._folder, ignore_errors=True)

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

    def spawn(self, argv: list[str], env: dict[str, str] | None = None) -> Child:
        """A process without stdio and without stamps."""
        null = os.open(os.devnull, os.O_RDWR)
        try:
            return Child(argv, env or {}, null, null, null)
        finally:
            os.close(null)

    def on_terminal(self, argv: list[str], env: dict[str, str], columns: int, rows: int) -> tuple[Child, int]:
        """A process on a terminal of its own, and that terminal's other end, not blocking; close both."""
        master, slave = os.openpty()
        os.set_blocking(master, False)
        termios.tcsetwinsize(slave, (rows, columns))
        try:
            return Child(argv, env, slave, slave, slave), master
        finally:
            os.close(slave)

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
