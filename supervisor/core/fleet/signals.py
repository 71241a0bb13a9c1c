"""What a signal to the supervisor means for its workers: a stop request, or something to pass on."""

from __future__ import annotations

from supervisor.core import signum
from supervisor.core.actions import Note, Suspend
from supervisor.core.fleet import requests
from supervisor.core.worker import escalation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.core.events import SignalReceived
    from supervisor.core.fleet.state import Turn
    from supervisor.core.worker.life import Life

# A closed terminal, and its other key: few workers handle them, the rest would die of them. A fleet is asked to stop.
_OF_A_TERMINAL = (signum.HUP, signum.QUIT)
# Sent by the kernel or a program without anybody meaning us: a window's new size, urgent data (signal(7)).
_IGNORED_BY_DEFAULT = (signum.WINCH, signum.URG)


def received(turn: Turn, event: SignalReceived) -> None:
    """Take in a signal that reached the supervisor."""
    wraps = turn.spec.manner.wraps
    # In `run` an interactive program must survive the terminal's own Ctrl-C and Ctrl-\.
    keyboard = wraps and event.kernel and event.signal in (signum.INT, signum.QUIT)
    if event.signal == signum.CONT:
        if wraps:
            turn.each(escalation.resumed)
    elif event.signal in signum.SUSPENDS and not wraps:
        # Ctrl-Z puts the supervisor aside; its workers are in sessions of their own and go on.
        turn.actions.append(Suspend(event.signal, job=False))
    elif wraps and not event.kernel and any(life.spec.reload_signal == event.signal for life in turn.lives.values()):
        # A closed terminal sends SIGHUP, too (kernel): that stays a stop request.
        turn.each(lambda life: escalation.reload(life, event.at))
    elif event.signal in signum.STOP_REQUESTS and not keyboard and not event.ignored:
        _stop(turn, event)
    elif wraps:
        _pass_on(turn, event)
    elif not (event.ignored or event.signal in _IGNORED_BY_DEFAULT or turn.refused):
        turn.refused = True
        turn.actions.append(Note(_refusal(event.signal)))


def _refusal(signal: int) -> str:
    name = signum.name(signal)
    one = f"kill -{name.removeprefix('SIG')} PID"
    return f"{name} reaches no worker: of a fleet only stops are requested by signal; send it to one process: {one}"


def _pass_on(turn: Turn, event: SignalReceived) -> None:
    """Pass on a signal that asks for no stop."""
    turn.each(lambda life: _forwarded(life, event.signal, event.kernel))
    if event.signal not in signum.SUSPENDS:
        return
    together = event.kernel and not any(life.spec.exec.own_group for life in turn.lives.values())
    if not together:
        # Whoever stops the job means us too, also when the worker handles the signal or another one is sent. In a
        # pipeline the terminal has told the worker itself, and we follow when it has stopped: a shell that saw us
        # stopped before would read the keyboard beside it.
        turn.actions.append(Suspend(event.signal, job=False))


def _forwarded(life: Life, signal: int, kernel: bool) -> escalation.Step:
    if kernel and not life.spec.exec.own_group:
        return life, ()  # the terminal has signalled the group that both of us are in
    sending = life.spec.stop.rewritten(signal)
    return escalation.forward(life, sending) if sending else (life, ())


def _stop(turn: Turn, event: SignalReceived) -> None:
    name = signum.name(event.signal)
    asked = [life.id for life in turn.lives.values() if life.spec.stop.rewritten(event.signal) != 0]
    if not asked:
        turn.actions.append(Note(f"{name} dropped, as --rewrite says", verbose=True))
        return
    first_of_all = turn.asked is None
    first = first_of_all and not turn.spec.manner.wraps
    requests.go_down(turn, event.at)

    def chosen(life: Life) -> int | None:
        """Return the signal of rung 1, None for the ladder's own."""
        own = life.spec.stop.own_signal or (not turn.spec.manner.wraps and event.signal in _OF_A_TERMINAL)
        return None if own else life.spec.stop.rewritten(event.signal)

    by, by_pid = f"signal {name}", event.sender_pid or None
    if turn.unit is not None and first_of_all:
        from supervisor.core.fleet import unit

        if unit.told_all(turn.unit, event):
            unit.stop(turn, event, by)
            return
    if turn.order is not None:
        from supervisor.core.fleet import sequence

        sequence.ask(turn, asked, sequence.Request(event.at, by, by_pid, hurries=not first), chosen)
        if turn.requests >= requests.THIRD:
            sequence.shoot(turn, event.at)
        return

    def ask(life: Life) -> escalation.Step:
        if first and life.requested:
            return life, ()  # a command is stopping it: the fleet's first request hurries nobody
        return escalation.request_stop(life, event.at, by, by_pid, chosen(life))

    turn.each(ask, asked)
