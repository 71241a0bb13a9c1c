"""Rehearses a stop in the first quiet moment, so that the real one does nothing for the first time.

CPython specialises code that has run some times (PEP 659), and what was never touched lies in no cache: the first
step of an idle supervisor took 0.6 ms, and 0.35 ms after a rehearsal. Core is pure, so its states are thrown away;
what is asked of the system are reads, and signal 0, which reaches nobody (kill(2)).
"""

from __future__ import annotations

import os

from supervisor.core import actions, events, signum
from supervisor.core.fleet import step
from supervisor.core.verdict import worth_telling
from supervisor.system import signals
from supervisor.system.proc import processes, reading
from supervisor.system.process import send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.worker.life import Life
    from supervisor.loop.loop import Loop

# Repetitions: CPython 3.11 begins to specialise at the eighth call of a function.
TIMES = 12


def rehearse(loop: Loop, at: float) -> None:
    """Take the first worker that runs through a stop that never happens."""
    life = next((life for life in loop.fleet.lives.values() if life.going), None)
    if life is None or life.stop is not None:
        return
    if len(loop.fleet.lives) == 1:
        loop.running[life.id].keep_masks()
    try:
        for _ in range(TIMES):
            _once(loop, life, at)
    except OSError:
        pass  # we cannot look now


def _once(loop: Loop, life: Life, at: float) -> None:
    child, worker = loop.running[life.id].child, life.id
    asked = events.SignalReceived(at, signum.TERM, os.getpid(), os.geteuid())
    masks = processes.masks(child.pid, loop.running[life.id].masks)
    send.send_group(child.pid, child.pidfd, 0)
    reading.own_children()
    signals.parse(bytes(128))
    # Of the one worker alone: with five hundred it takes 100 ms, in which they all want to start.
    fleet = loop.fleet.with_(lives={worker: life}, dues={}, signals_due={}, undated=frozenset((worker,)), order=None)
    for event in (
        asked,
        events.MasksRead(at, worker, masks),
        events.Probed(at, worker, 0),
        events.Sent(at, worker, signum.TERM, "group", "delivered", (), True, processes.newest()),
        events.MainExited(at, worker, 0, None),
        events.Surveyed(at, worker, ()),
        events.Reaped(at, worker, None),
    ):
        fleet, todo = step.step(fleet, event)
        for action in todo:
            if isinstance(action, actions.Report):
                worth_telling(action.shutdown)
