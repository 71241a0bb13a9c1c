"""What `supervisor explain` shows of a running process: text for a terminal, and the same as JSON. Pure."""

from __future__ import annotations

from supervisor.core import redact, signum
from supervisor.core.contract.state import chain
from supervisor.core.frozen import Frozen
from supervisor.core.record import Where
from supervisor.core.units import duration, plural
from supervisor.core.visible import shown
from supervisor.diagnosis.evidence.frames import line_of
from supervisor.diagnosis.running import conclusions, waits
from supervisor.views import finding, words
from supervisor.views.layout import cut, plain, row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from supervisor.core.record import Finding
    from supervisor.diagnosis.running.facts import Facts, Inside, Relative, Thread
    from supervisor.views.layout import Style

SCHEMA = "supervisor.explain/1"
_LABEL = 12
_MOST = 5  # names in one line of the answer
_STATES = {
    "R": "running", "S": "sleeping", "D": "in the kernel, cannot be interrupted", "T": "stopped",
    "t": "stopped by a tracer", "Z": "a zombie", "X": "dead", "I": "idle",
}  # fmt: skip
_ANSWERS = {
    "handled": "handled", "ignored": "ignored", "blocked": "blocked", "read": "read from a signalfd",
    "dropped": "dropped by the kernel", "default": "ends it",
}  # fmt: skip


class Told(Frozen):
    """Everything there is to show: the facts, a look inside, what its supervisor answered, the findings.

    ``visit``: what an agent said that was brought in for one look, in the form of the supervisor's answer.
    """

    facts: Facts
    inside: Inside | None
    fleet: dict[str, Any] | None
    findings: Sequence[Finding]
    notes: Sequence[str] = ()
    visit: dict[str, Any] | None = None


def text(told: Told, width: int = 80, style: Style = plain) -> str:
    """Return lines of at most ``width`` columns, ending in a newline."""
    told = shown(told)
    facts = told.facts
    whose = f" (pid {facts.pid})"
    command = words.command(facts.argv, width - len("supervisor: ") - len(whose))
    out = [f"supervisor: {style(command, 'bold')}{whose}"]
    for label, value in [*_rows(told), *_fleet(told), *_visit(told)]:
        out += row(label, value, _LABEL, width)
    for agents in (told.fleet, told.visit):
        if agents is not None:
            out += finding.ladder(chain(agents), width, style, indent=" " * _LABEL)
    out += _inside(told.inside, facts.pid, width, style)
    for found in told.findings:
        out += ["", *finding.text(found, width, style, proofs=len(found.proof))]
    return "\n".join(out) + "\n"


# ------------------------------------------------------------------ rows


def _rows(told: Told) -> list[tuple[str, str]]:
    facts = told.facts
    rows = [("state", _state(facts))]
    if facts.parent is not None:
        rows.append(("parent", _called(facts.parent)))
    if not conclusions.is_dead(facts):
        rows.append(("signals", _signals(facts)))
        call = waits.dominant(facts)
        if call is not None:
            rows.append(("waits in", call.name + (f" ({facts.end.target})" if facts.end is not None else "")))
    if facts.children:
        rows.append(("children", _several([_child(child) for child in facts.children])))
    sockets = facts.sockets
    if sockets is not None and sockets.listening:
        rows.append(("listens on", _several(list(sockets.listening))))
    if sockets is not None and sockets.count:
        peers = [f"{one.peer} {one.state}" for one in sockets.connections]
        rows.append(("connected", f"{plural(sockets.count, 'connection')}: {_several(peers)}"))
    if facts.fds is not None:
        rows.append(("open", plural(facts.fds, "descriptor") + _of(facts.fd_limit)))
    if facts.hidden:
        who = "" if facts.ours else f"; it belongs to {facts.user}: ask as root or as that user"
        rows.append(("not seen", ", ".join(facts.hidden) + who))
    return rows + [("note", note) for note in told.notes]


def _state(facts: Facts) -> str:
    state = _STATES.get(facts.main.state, facts.main.state)
    if facts.main.state in "ZX" and not conclusions.is_dead(facts):
        state = "its main thread has ended"
    parts = [f"{state} (state {facts.main.state}), user {facts.user}, started {duration(facts.age)} ago"]
    if facts.ended:
        return f"it ended while it was observed; before: {parts[0]}"
    if facts.n_threads > 1:
        parts.append(plural(facts.n_threads, "thread"))
    if facts.cpu is not None and not conclusions.is_dead(facts):
        share = facts.cpu / facts.observed if facts.observed > 0 else 0.0
        parts.append(f"{share:.0%} of a CPU over the {duration(facts.observed)} observed")
    return ", ".join(parts)


def _signals(facts: Facts) -> str:
    told = []
    for number in (signum.TERM, signum.INT):
        sent = "; sent, not delivered yet" if conclusions.pending(facts, number) else ""
        told.append(f"{signum.name(number)} {_ANSWERS[conclusions.answer(facts, number)]}{sent}")
    told += [
        f"{signum.name(number)} sent, not delivered yet"
        for number in range(1, 65)
        if number not in (signum.TERM, signum.INT) and conclusions.pending(facts, number)
    ]
    return ", ".join(told)


def _child(child: Relative) -> str:
    state = {"Z": "zombie", "T": "stopped", "t": "stopped", "D": "in the kernel"}.get(child.state, "")
    return words.command(child.argv, 40) + f" (pid {child.pid}{', ' + state if state else ''})"


def _called(one: Relative) -> str:
    state = {"T": ", stopped", "t": ", stopped", "Z": ", zombie"}.get(one.state, "")
    return f"{words.command(one.argv, 50)} (pid {one.pid}{state})"


def _of(limit: int | None) -> str:
    return f" of at most {limit}" if limit is not None else ""


def _several(told: list[str]) -> str:
    more = len(told) - _MOST
    return ", ".join(told[:_MOST]) + (f", and {more} more" if more > 0 else "")


# ------------------------------------------------------------------ what is known from inside


def _fleet(told: Told) -> list[tuple[str, str]]:
    """Return what the supervisor of the process said of it."""
    fleet = told.fleet
    if fleet is None or fleet["worker"] is None:
        return []
    worker, now = fleet["worker"], fleet["at"]
    stop = worker["stop"]
    whose = "`supervisor run`" if fleet["fleet"] is None else f"the fleet `{fleet['fleet']}`"
    what = f"`{worker['title']}` of {whose}, {worker['phase']}"
    if stop is not None and stop["signal"]:
        what += f": {stop['signal']} {duration(max(now - stop['since'], 0.0))} ago"
        if stop["next_at"] is not None and stop["next_signal"]:
            what += f", {stop['next_signal']} in {duration(max(stop['next_at'] - now, 0.0))}"
    elif stop is None:
        what += "; its supervisor was not asked to stop it"
    return [("worker", what), *_agents(fleet, worker["pid"])]


def _visit(told: Told) -> list[tuple[str, str]]:
    """Return what an agent said that was brought in."""
    if told.visit is None:
        return []
    return [("inside", "an agent was brought in for one look, and has left"), *_agents(told.visit, told.facts.pid)]


def _agents(answer: dict[str, Any], main: int | None) -> list[tuple[str, str]]:
    """Return what agents said: what is waited for now, and the places."""
    rows = [("now", answer["waits"])] if answer["waits"] else []
    return rows + [("", _said(one, main)) for one in answer["said"]]


def _said(one: dict[str, Any], main: int | None) -> str:
    child = f"pid {one['pid']}: " if one["pid"] != main else ""
    where = one["where"]
    at = f" at {line_of(Where(where['file'], where['line'], ''))} {where['function']}" if where else ""
    source = f": {where['source']}" if where and where["source"] else ""
    since = "" if one["seconds"] is None else f"{duration(one['seconds'])} "
    return f"{since}{child}{one['what']}{at}{source}"


def _inside(inside: Inside | None, pid: int, width: int, style: Style) -> list[str]:
    if inside is None:
        return []
    python = f"Python {inside.python}" if inside.python else "Python"
    if inside.how is None:
        return row("inside", f"{python}, not looked into: {inside.why}; {inside.hint}", _LABEL, width)
    how = f"{python}, by {inside.how}" + (f"; {inside.why}" if inside.why else "")
    out = row("inside", how, _LABEL, width)
    for thread in (inside.threads or ())[:8]:
        out.append(" " * _LABEL + ("main thread" if thread.tid == pid else f"thread {thread.name}"))
        for frame in reversed(thread.frames[-4:]):
            place = f"{line_of(Where(frame.file, frame.line, ''))} {frame.function}"
            out.append(" " * (_LABEL + 2) + style(cut(place, width - _LABEL - 2), "dim"))
    return out + [" " * _LABEL + cut(_shortened(line), width - _LABEL) for line in (inside.tree or ())[:40]]


def _shortened(line: str) -> str:
    """Return a line of `asyncio pstree` with the place as everywhere: the number counts more than the folder."""
    head, _, place = line.rpartition(" /")
    file, _, number = place.rpartition(":")
    return f"{head} {line_of(Where(f'/{file}', int(number), ''))}" if head and number.isdecimal() else line


# ------------------------------------------------------------------ JSON


def document(told: Told) -> dict[str, Any]:
    """Return everything as plain data.

    Signals are names; ``seconds`` and bytes as in the records; unknown is null.
    """
    facts = told.facts
    known = _plain(facts)
    for key in ("caught", "ignored", "accepted", "shared_pending", "parent_masks"):
        del known[key]
    known["threads"] = [_thread(thread) for thread in facts.threads]
    answers = {signum.name(number): conclusions.answer(facts, number) for number in (signum.TERM, signum.INT)}
    return {
        "schema": SCHEMA,
        **known,
        "signals": answers,
        "pending": [signum.name(number) for number in range(1, 65) if conclusions.pending(facts, number)],
        "caught": _names(facts.caught),
        "ignored": _names(facts.ignored),
        "fleet": told.fleet,
        "visit": told.visit,
        "inside": _plain(told.inside) if told.inside is not None else None,
        "notes": list(told.notes),
        "findings": [_plain(found) for found in told.findings],
    }


def _thread(thread: Thread) -> dict[str, Any]:
    """Return a thread as data.

    ``states`` and ``calls`` count the looks; null is a look at which it was in no call.
    """
    calls = [call.name if call is not None else None for call in thread.calls]
    return {
        "tid": thread.tid,
        "name": thread.name,
        "state": thread.state,
        "states": {state: thread.states.count(state) for state in dict.fromkeys(thread.states)},
        "calls": [{"name": name, "looks": calls.count(name)} for name in dict.fromkeys(calls)],
        "cpu": thread.cpu,
        "wchan": thread.wchan,
        "pending": _names(thread.pending),
        "blocked": _names(thread.blocked),
    }


def _names(bits: int) -> list[str]:
    return [signum.name(number) for number in range(1, 65) if bits & 1 << (number - 1)]


def _plain(record: Frozen) -> dict[str, Any]:
    return {name: _value(name, getattr(record, name)) for name in record.__match_args__}


def _value(name: str, value: Any) -> Any:
    if name == "argv":
        return list(redact.argv(value))
    if hasattr(value, "__match_args__") and value.__match_args__:
        return _plain(value)
    return [_value("", item) for item in value] if isinstance(value, tuple) else value
