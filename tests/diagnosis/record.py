"""Runs a program under the real agent and channel, stops it, and keeps what was seen as a recording.

By hand: ``python tests/diagnosis/record.py --python python3.12 --out run.jsonl -- worker.py 8080`` prints the
explanation and writes the recording. A recording is JSON lines: the outside facts, then the agent's messages.
"""

from __future__ import annotations

import argparse
import json
import linecache
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.agent.wire import EVENTS, FRAME, AgentMessage
from supervisor.core.record import Climb, Leftover, Marks, Masks, Sample, Shutdown
from supervisor.system.agent import inject
from supervisor.system.agent.channel import Channel
from supervisor.system.agent.meeting import Meeting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

READY_LIMIT = 20.0
PROBE_LIMIT = 0.25  # how long the stop signal waits for the agent to be armed, as the supervisor does
LEAVING = 0.2  # for those who are on their way out (multiprocessing's resource tracker)
GASP = 0.3  # the last look begins so long before SIGKILL: on a busy machine a stack takes a while to be written


@dataclass(frozen=True)
class Recording:
    """One run: the outside facts and all agent messages. ``output`` is what the program printed."""

    shutdown: Shutdown
    messages: tuple[AgentMessage, ...]
    output: str = ""


class Running:
    """A program under the agent: its messages and lines as they come."""

    def __init__(self, argv: Sequence[str], cwd: str | None, env: dict[str, str] | None, agent: bool) -> None:
        self.messages: list[AgentMessage] = []
        self.muted = False  # nobody reads what it prints
        self.lines: list[str] = []
        self.channel = Channel(Meeting())
        complete = dict(os.environ) | {"PYTHONUNBUFFERED": "1"} | (env or {})
        complete.pop("PYTHONDONTWRITEBYTECODE", None)
        if agent:
            complete |= inject.environment(complete, self.channel.meeting.path)
        read, write = os.pipe()
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=complete, stdin=subprocess.DEVNULL, stdout=write, stderr=write,
            process_group=0, preexec_fn=_default_signals,  # noqa: PLW1509 - this process has one thread
        )  # fmt: skip
        os.close(write)
        self.output = read
        os.set_blocking(read, False)
        self.pidfd = os.pidfd_open(self.process.pid)

    def turn(self, until: float, wanted: Callable[[], bool]) -> bool:
        """Read messages and output until ``wanted`` or the monotonic instant; whether it was met."""
        while not wanted():
            left = until - time.monotonic()
            if left <= 0:
                return False
            output = [] if self.muted else [self.output]
            ready, _, _ = select.select([self.channel.fileno(), *output], [], [], min(left, 0.02))
            self.read(self.output in ready)
        return True

    def read(self, output: bool = True) -> None:
        self.messages += self.channel.read(time.monotonic())
        if output:
            try:
                self.lines += os.read(self.output, 65536).decode(errors="replace").splitlines()
            except BlockingIOError:
                pass

    def ended(self) -> bool:
        return bool(select.select([self.pidfd], [], [], 0)[0])

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self.pidfd)
        os.close(self.output)
        self.channel.close()


def _default_signals() -> None:
    # A test runner started in the background hands SIGINT down ignored.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def record(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: dict[str, str] | None = None,
    signals: Sequence[tuple[int, float]] = ((signal.SIGTERM, 10.0),),
    ready: str = "ready",
    settle: float = 0.1,
    agent: bool = True,
    probe: bool = True,
    group: bool = True,
    prepare: Callable[[Running], object] | None = None,
) -> Recording:
    """Start, wait for the line ``ready``, stop, and wait for the end.

    ``signals``: the rungs, (signal, seconds to wait after it); SIGKILL follows the last. Empty: nobody asks, it
    ends by itself. ``prepare`` runs when it is ready; what it returns is kept until the end (a connection).
    """
    run = Running(argv, cwd, env, agent)
    try:
        if not run.turn(
            time.monotonic() + READY_LIMIT, lambda: any(ready in line for line in run.lines) or run.ended()
        ):
            raise RuntimeError(f"{argv}: not ready: {run.lines}")
        kept = prepare(run) if prepare is not None else None
        run.turn(time.monotonic() + settle, run.ended)
        shutdown = _stop(run, argv, signals, probe, group)
        del kept
        run.read()
        return Recording(shutdown, tuple(run.messages), "\n".join(run.lines))
    finally:
        run.close()


def _stop(
    run: Running, argv: Sequence[str], signals: Sequence[tuple[int, float]], probe: bool, group: bool
) -> Shutdown:
    pid = run.process.pid
    masks = _masks(pid)
    if probe and signals:
        _probe(run, "ready", PROBE_LIMIT)
    zero = time.monotonic()
    climbs: list[Climb] = []
    samples: list[Sample] = []
    killed = None
    for index, (number, wait) in enumerate(signals):
        climbs.append(Climb(time.monotonic() - zero, number, "group" if group else "main"))
        (os.killpg if group else os.kill)(pid, number)
        last = index == len(signals) - 1
        if run.turn(time.monotonic() + wait - (GASP if last else 0), run.ended):
            break
        if last:
            due = climbs[-1].at + zero + wait
            _gasp(run)
            run.turn(due, run.ended)
            killed = time.monotonic() - zero
            climbs.append(Climb(killed, signal.SIGKILL, "group"))
            os.killpg(pid, signal.SIGKILL)
    if not run.turn(time.monotonic() + 30, run.ended):
        raise RuntimeError(f"{argv}: does not end")
    main_exited = time.monotonic() - zero
    status = run.process.wait()
    run.turn(time.monotonic() + LEAVING, lambda: not _members(pid, run.channel.meeting.path))
    left = _members(pid, run.channel.meeting.path)
    commands = {member: tuple(Path(f"/proc/{member}/cmdline").read_text().split("\0")[:-1]) for member in left}
    for member in left:
        os.kill(member, signal.SIGKILL)
    run.turn(time.monotonic() + 0.3, lambda: all(message_of(run, "eof", p) for p in run.channel.pids()))
    asked = bool(signals)
    if not asked:
        zero, main_exited = zero + main_exited, 0.0
    outcome = "killed" if killed is not None else "clean" if status == 0 else "signalled" if status < 0 else "failed"
    return Shutdown(
        worker="worker", instance=0, start=1, pid=pid, argv=tuple(argv),
        asked_by=f"signal {signal.Signals(signals[0][0]).name}" if asked else "self",
        asked_by_pid=None, outcome=outcome,  # type: ignore[arg-type]  # one of the literals
        exit_code=status if status >= 0 else None, signal=-status if status < 0 else None,
        grace=sum(wait for _, wait in signals) if asked else None, zero=zero,
        marks=Marks(asked=0.0 if asked else None, killed=killed, main_exited=main_exited, exited=main_exited),
        escalation=tuple(climbs), masks=masks, samples=tuple(samples),
        leftovers=tuple(Leftover(member, commands[member], "killed") for member in left),
    )  # fmt: skip


def message_of(run: Running, event: str, pid: int) -> bool:
    """Whether a process has said this."""
    return any(message.event == event and message.pid == pid for message in run.messages)


def _probe(run: Running, answer: str, limit: float) -> bool:
    seen = len(run.messages)
    asked = [pid for pid in run.channel.pids() if run.channel.live(pid)]
    for pid in asked:
        try:
            os.kill(pid, signal.SIGURG)
        except ProcessLookupError:
            continue
    return run.turn(
        time.monotonic() + limit,
        lambda: {m.pid for m in run.messages[seen:] if m.event in (answer, "snapshot")} >= set(asked),
    )


def _gasp(run: Running) -> None:
    if _probe(run, "snapshot", GASP / 2):
        return
    for pid in run.channel.pids():
        number = run.channel.dump_signal(pid)
        if number:
            os.kill(pid, number)
    run.turn(time.monotonic() + GASP / 2, lambda: False)


def _masks(pid: int) -> Masks:
    status = Path(f"/proc/{pid}/status").read_text()
    found = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Sig"))
    return Masks(*(int(found[name], 16) for name in ("SigCgt", "SigIgn", "SigBlk")))


def _members(group: int, path: str) -> list[int]:
    """Who is alive in the group, or carries the agent's socket in its environment (also after setsid)."""
    found = []
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            ours = int(fields[2]) == group or path.encode() in Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if ours and fields[0] != "Z" and int(entry) != os.getpid():
            found.append(int(entry))
    return found


# ------------------------------------------------------------------ recordings as files


def dumps(recording: Recording, places: dict[str, str] | None = None) -> str:
    """JSON lines. ``places`` replaces folders of this machine by neutral ones."""
    shutdown = {
        name: _plain(getattr(recording.shutdown, name))
        for name in ("pid", "argv", "asked_by", "outcome", "exit_code", "signal", "grace", "zero", "marks",
                     "escalation", "masks", "samples", "leftovers")
    }  # fmt: skip
    lines = [json.dumps(shutdown)]
    for message in recording.messages:
        fields = _known(message.fields)
        lines.append(
            json.dumps([message.event, round(message.at, 6), message.pid, message.seq, message.dropped, fields])
        )
    text = "\n".join(lines) + "\n"
    for folder, neutral in (places or {}).items():
        text = text.replace(folder, neutral)
    return text


def loads(text: str) -> Recording:
    """The recording that :func:`dumps` wrote."""
    head, *rest = text.splitlines()
    facts = json.loads(head)
    shutdown = Shutdown(
        worker="worker", instance=0, start=1, asked_by_pid=None,
        pid=facts["pid"], argv=tuple(facts["argv"]), asked_by=facts["asked_by"], outcome=facts["outcome"],
        exit_code=facts["exit_code"], signal=facts["signal"], grace=facts["grace"], zero=facts["zero"],
        marks=Marks(**facts["marks"]), escalation=tuple(map(_climb, facts["escalation"])),
        masks=Masks(**facts["masks"]) if facts["masks"] else None,
        samples=tuple(Sample(**sample) for sample in facts["samples"]),
        leftovers=tuple(Leftover(**left | {"argv": tuple(left["argv"])}) for left in facts["leftovers"]),
    )  # fmt: skip
    return Recording(shutdown, tuple(_message(json.loads(line)) for line in rest))


def _climb(data: dict[str, Any]) -> Climb:
    """Recordings have signals that were delivered only."""
    return Climb(data["at"], data["signal"], data["target"])


def _message(line: list[Any]) -> AgentMessage:
    event, at, pid, seq, dropped, fields = line
    shapes = EVENTS[event]
    return AgentMessage(
        event, at, pid, seq, dropped, {name: _typed(fields.get(name), shapes[name]) for name in shapes}
    )


def _typed(value: Any, shape: Any) -> Any:
    """Frames are tuples again, and fields that were not written are None, as wire.decode gives them."""
    if value is None:
        return None
    if shape is FRAME:
        return tuple(value)
    if type(shape) is list:
        return [_typed(item, shape[0]) for item in value]
    if type(shape) is dict:
        return {name: _typed(value.get(name), inner) for name, inner in shape.items()}
    return value


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_known(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    if hasattr(value, "__match_args__"):
        return {name: _plain(getattr(value, name)) for name in value.__match_args__}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def sources(file: str, line: int) -> str | None:
    """The text of a line, for explain()."""
    return linecache.getline(file, line) or None


def connect(port: int, send: bytes = b"") -> socket.socket:
    """A client that stays."""
    for _ in range(200):
        try:
            client = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.02)
    else:
        raise RuntimeError(f"nobody listens on port {port}")
    if send:
        client.sendall(send)
    return client


def answered(port: int, send: bytes) -> socket.socket:
    """A client that has had its first answer."""
    client = connect(port, send)
    client.recv(100)
    return client


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--signal", default="TERM", help="TERM, INT, … or none; TERM/5/INT/5 for several")
    parser.add_argument("--grace", type=float, default=10.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--settle", type=float, default=0.1)
    parser.add_argument("--ready", default="ready")
    parser.add_argument("--connect", type=int, help="keep a client on this port, which has sent a line")
    parser.add_argument("--http", type=int, help="keep a GET request on this port")
    parser.add_argument("--no-agent", action="store_true")
    parser.add_argument("--no-probe", action="store_true")
    parser.add_argument("--raw", action="store_true", help="print the messages")
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()
    prepare: Callable[[Running], object] | None = None
    if options.connect:
        prepare = lambda _: answered(options.connect, b"hello\n")  # noqa: E731 - two one-line choices
    elif options.http:
        prepare = lambda _: connect(options.http, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # noqa: E731 - as above
    from supervisor.core.ladder import parse
    from supervisor.diagnosis.explain import explained
    from supervisor.views.why import text

    ladder = options.signal if "/" in options.signal else f"{options.signal}/{options.grace}/KILL"
    rungs = []
    if options.signal != "none":
        climbed = [rung for rung in parse(ladder).rungs if rung.signal != signal.SIGKILL]
        rungs = [(rung.signal, rung.wait) for rung in climbed if rung.wait is not None]
    taken = record(
        [options.python, *options.argv], signals=rungs, ready=options.ready, settle=options.settle,
        agent=not options.no_agent, probe=not options.no_probe, prepare=prepare,
    )  # fmt: skip
    if options.raw:
        for message in taken.messages:
            at = message.at - taken.shutdown.zero
            print(f"{at:9.4f} {message.pid} {message.event} {json.dumps(_known(message.fields))}")
    print(text(explained(taken.shutdown, taken.messages, sources)))
    if options.out:
        options.out.write_text(dumps(taken))
    return 0


if __name__ == "__main__":
    # A thread of the test process would be sampled by nobody; the assertion keeps this tool single-threaded.
    assert threading.active_count() == 1
    sys.exit(main())
