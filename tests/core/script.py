"""Plays a transcript: ``>>`` what happens, ``<<`` what the core answers, compared as one text.

What is mechanical is left out: that a signal was sent, masks were read, a zombie was reaped, looks in between. Time
passes by itself: a Tick comes at every deadline and shows up as ``>> 13 tick`` where it has a visible consequence.
"""

from __future__ import annotations

import re
import textwrap
from collections import deque
from typing import Any

from supervisor.core import actions, events, ladder, notify, signum, spec
from supervisor.core.fleet import state, step
from supervisor.core.record import Member, Sample


def worker(name: str = "api", escalation: str = "TERM/10/KILL", **more: Any) -> spec.WorkerSpec:
    """A worker; what is not the worker's own belongs to how it is stopped."""
    own = {key: more.pop(key) for key in ("restart", "ready", "liveness", "depends_on") if key in more}
    stop = spec.StopSpec(ladder.parse(escalation), **more)
    return spec.WorkerSpec(name, spec.ExecSpec((name,)), stop, **own)


class Script:
    """One fleet and the text of what happened to it so far."""

    def __init__(self, one: spec.FleetSpec, *, terminal: bool = False, by_hand: bool = False) -> None:
        self.spec, self.fleet = one, state.new(one)
        self.terminal, self.by_hand = terminal, by_hand
        self.lines: list[str] = []
        self.queue: deque[events.Event] = deque()
        self.now, self.pids, self.surveying = 0.0, 100, False
        self.names = [worker.name for worker in one.workers]
        if one.manner.wraps and not by_hand:
            self._forked(spec.FIRST)
            self._drain()

    def play(self, text: str) -> str:
        """Feed the ``>>`` lines of the text; what really happened, in the same notation."""
        for line in text.strip().splitlines():
            given = re.fullmatch(r">> ([\d.]+) (.+)", line.strip())
            if given and given[2] != "tick":
                at = float(given[1])
                self._time_passes(at)
                self.now = at
                self.lines.append(f">> {at:g} {given[2]}")
                self._happens(given[2], at)
        self.lines.append(f"== {self._end()}")
        return "\n".join(self.lines) + "\n"

    # ------------------------------------------------------------------ in

    def _time_passes(self, until: float) -> None:
        # A survey is answered before anything else happens; a transcript says with whom it finds.
        while (due := self.fleet.deadline) is not None and due < until and not self.surveying:
            self.now = due
            before = len(self.lines)
            self._see(events.Tick(due))
            if len(self.lines) > before:
                self.lines.insert(before, f">> {due:g} tick")

    def _happens(self, text: str, at: float) -> None:
        if text != "time passes":
            self._see(self._event(text, at))

    def _event(self, text: str, at: float) -> events.Event:
        name, _, what = text.rpartition(": ")
        index = self._id(name) if name in self.names else spec.FIRST
        match text.split() if name not in self.names else what.split():
            case [("stop" | "start") as verb, *rest]:
                by = " ".join(rest).strip("()") if rest and rest[0].startswith("(") else ""
                workers = tuple(self._id(one) for one in rest) if rest and not by else None
                if verb == "start":
                    return events.StartAsked(at, workers)
                return events.StopAsked(at, by or "command stop", workers)
            case ["exits", code]:
                return events.MainExited(at, index, int(code), None)
            case ["ends", code]:
                return events.MainExited(at, index, int(code), None, alone=True)
            case ["is", "ready"]:
                return events.Tried(at, index, "ready", True, "accepts connections")
            case ["closes", "its", "pipe"]:
                return events.Tried(at, index, "ready", False, "it was closed before a newline", final=True)
            case ["refuses"]:
                return events.Tried(at, index, "ready", False, "connection refused")
            case ["answers"]:
                return events.Tried(at, index, "liveness", True, "HTTP 200")
            case ["cannot", "be", "asked"]:
                return events.Tried(at, index, "liveness", False, "too many open files", unknown=True)
            case ["hangs"]:
                return events.Tried(at, index, "liveness", False, "no answer within 1 s")
            case ["dies", "of", signal]:
                return events.MainExited(at, index, None, signum.NUMBERS[signal])
            case ["stopped", "by", signal]:
                return events.MainStopped(at, index, signum.NUMBERS[signal])
            case ["continued"]:
                return events.MainContinued(at, index)
            case ["cannot", "look"]:
                return events.Surveyed(at, index, None)
            case ["sees", children]:
                return events.Sampled(at, index, Sample(at, "S", 0.0, 1, children=int(children)))
            case ["found", *members]:
                return events.Surveyed(at, index, _members(" ".join(members)))
            case ["somebody", "ended"]:
                return events.OrphansChanged(at)
            case ["forked"]:
                return events.Forked(at, index, self._pid(), self.terminal)
            case ["runs"]:
                return events.Started(at, index)
            case ["cannot", "start:", stage, errno] | ["cannot", stage, errno]:
                return events.StartFailed(at, index, stage, int(errno))
            case ["agent", "says", ("hello" | "noticed" | "drained" | "cleaned") as said]:
                return events.AgentSaid(at, index, said)
            case ["says", *words]:
                return events.Notified(at, index, notify.parse("\n".join(words).encode()))
            case ["agent", "is", "armed"]:
                return events.ProbeAnswered(at, index)
            case [signal, "from", "the", "terminal"]:
                return events.SignalReceived(at, signum.NUMBERS[signal], kernel=True)
            case [signal]:
                return events.SignalReceived(at, signum.NUMBERS[signal], sender_pid=7)
        raise AssertionError(f"no such happening: {text}")

    def _id(self, name: str) -> spec.WorkerId:
        return spec.WorkerId(self.names.index(name))

    def _pid(self) -> int:
        self.pids += 1
        return self.pids

    def _forked(self, index: spec.WorkerId) -> None:
        self.queue.append(events.Forked(self.now, index, self._pid(), self.terminal))
        self.queue.append(events.Started(self.now, index))

    # ------------------------------------------------------------------ out

    def _see(self, event: events.Event) -> None:
        self.queue.append(event)
        self._drain()

    def _drain(self) -> None:
        while self.queue:
            event = self.queue.popleft()
            self.surveying = self.surveying and not isinstance(event, events.Surveyed)
            self.fleet, found = step.step(self.fleet, event)
            for action in found:
                shown = self._shown(action)
                if shown:
                    index = getattr(action, "worker", None)
                    title = f"{self.names[index]}: " if index is not None and len(self.names) > 1 else ""
                    self.lines.append(f"<< {title}{shown}")
                self._answer(action)

    def _answer(self, action: actions.Action) -> None:
        match action:
            case actions.Signal():
                hit, at = tuple(one.key for one in action.members), self.now
                self.queue.append(
                    events.Sent(at, action.worker, action.signal, action.target, "delivered", hit, action.ladder)
                )
            case actions.Spawn() if not self.by_hand:
                self._forked(action.worker)
            case actions.Probe():
                self.queue.append(events.Probed(self.now, action.worker, 1))
            case actions.Survey():
                self.surveying = True
            case actions.Reap():
                self.queue.append(events.Reaped(self.now, action.worker, None, 0.5))

    def _shown(self, action: actions.Action) -> str:
        match action:
            case actions.Signal():
                name = signum.name(action.signal)
                pids = ", ".join(str(one.pid) for one in action.members)
                to = {"group": "the group", "main": "the main process", "leftovers": pids}[action.target]
                wake = ", then SIGCONT" if action.wake and action.target != "leftovers" else ""
                return f"{name} to {to}{wake}{'' if action.ladder else ' (passed on)'}"
            case actions.Suspend():
                return f"suspend ourselves with {signum.name(action.signal)}{' and our job' if action.job else ''}"
            case actions.Look():
                return "last look" if action.final else ""
            case actions.Reap():
                return "give up" if action.stuck else "reap"
            case actions.Note():
                return f"note: {action.text}"
            case actions.Report():
                return f"report: {_report(action.shutdown)}"
            case actions.Amend():
                return f"report again, start {action.shutdown.start}: {_report(action.shutdown)}"
            case actions.ReadMasks():
                return ""
            case actions.Try():
                return f"try {action.purpose}, {action.timeout:g} s: {action.check.shown}"
            case actions.Locate():
                return "ask where it is"
        words = {"Spawn": "start", "Survey": "survey", "Foreground": "foreground", "Probe": "probe", "Dump": "dump"}
        return words[type(action).__name__]

    def _end(self) -> str:
        if not self.fleet.over:
            due = self.fleet.deadline
            return "waiting for an event" if due is None else f"waiting, next tick at {due:g}"
        ending = self.fleet.ending
        return f"over, code {ending.code}" if ending.signal is None else f"over, {signum.name(ending.signal)}"


def _members(text: str) -> tuple[Member, ...]:
    """``11 in the group, 12 outside stopped born at 3.5`` -> members; ``nobody`` -> none."""
    if text == "nobody":
        return ()
    found: list[Member] = []
    for part in text.split(", "):
        pid, rest = part.split(" ", 1)
        born = float(rest.split("born at ")[1]) if "born" in rest else 0.5
        state = "T" if "stopped" in rest else "S"
        found.append(Member(int(pid), ("member",), born, "in the group" in rest, state, round(born * 100)))
    return tuple(found)


def _report(one: Any) -> str:
    status = f"code {one.exit_code}" if one.signal is None else signum.name(one.signal)
    if one.exit_code is None and one.signal is None:
        status = "no status"
    parts = [one.outcome, status]
    if one.marks.exited is not None:
        parts.append(f"{one.marks.exited:g} s")
    parts.append(f"asked by {one.asked_by}" if one.marks.asked is not None else "by itself")
    parts += [f"{left.pid} {left.fate}" for left in one.leftovers]
    return ", ".join(parts)


def wrap(text: str, *, terminal: bool = False, by_hand: bool = False, init: bool = False, **how: Any) -> None:
    """A transcript of `supervisor run` reads like this; ``init``: as PID 1."""
    text = textwrap.dedent(text).lstrip()
    fleet = spec.FleetSpec((worker(**how),), spec.RUN_AS_INIT if init else spec.RUN)
    assert Script(fleet, terminal=terminal, by_hand=by_hand).play(text) == text


def up(text: str, *workers: spec.WorkerSpec, by_hand: bool = False, limit: float | None = None) -> None:
    """A transcript of `supervisor up` reads like this."""
    text = textwrap.dedent(text).lstrip()
    assert Script(spec.FleetSpec(workers, limit=limit), by_hand=by_hand).play(text) == text
