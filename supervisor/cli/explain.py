"""`supervisor explain PID`: why a running process does not stop, or what it does, whoever started it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supervisor.cli import usage
from supervisor.core.digits import whole
from supervisor.core.visible import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisor.diagnosis.evidence.frames import Sources
    from supervisor.diagnosis.running.facts import Facts
    from supervisor.views.running import Told

app = typer.Typer()

LONGEST = 60.0  # seconds of one observation
MOST_PID = 1 << 22  # PID_MAX_LIMIT (proc(5))


def _seconds(value: float) -> float:
    if not 0.0 < value <= LONGEST:
        raise typer.BadParameter(f"{value:g} is not a duration above 0 of at most {LONGEST:g} seconds")
    return value


def _pid(text: str) -> int:
    pid = whole(text, MOST_PID)
    if not pid:
        raise typer.BadParameter(f"{quoted(text[:40])} is not a process ID, a whole number from 1 to {MOST_PID}")
    return pid


def _color(value: str) -> str:
    if value not in ("auto", "always", "never"):
        raise typer.BadParameter(f"{quoted(value)} is not one of auto, always, never")
    return value


@app.command(cls=usage.command("[OPTIONS] PID"))
def explain(
    pid: Annotated[int, typer.Argument(metavar="PID", parser=_pid, hidden=True)],
    seconds: Annotated[
        float, typer.Option("--for", metavar="S", callback=_seconds, help="Seconds to observe it.")
    ] = 1.0,
    attach: Annotated[
        bool,
        typer.Option("--attach", help="Bring the agent into a Python 3.14+ program for one look (sys.remote_exec)."),
    ] = False,
    nudge: Annotated[
        bool,
        typer.Option(
            "--nudge", help="With --attach: stop and continue it if it sleeps in its event loop, to wake it."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    color: Annotated[
        str,
        typer.Option(
            "--color", metavar="auto|always|never", envvar="SIGDRAIN_COLOR", callback=_color, help="Colour it."
        ),
    ] = "auto",
) -> None:
    """Explain what a running process waits for and why it does not stop. Without --attach it is only observed.

    PID is its process ID; it may be anybody's process.
    """
    from supervisor.errors import UsageError
    from supervisor.system import stdio
    from supervisor.views import running
    from supervisor.views.data import dumps
    from supervisor.views.layout import ansi, plain

    if nudge and not attach:
        raise UsageError("--nudge is for --attach", f"supervisor explain {pid} --attach --nudge")
    told = look(pid, seconds, attach, nudge)
    if json:
        typer.echo(dumps(running.document(told)), nl=False)
        return
    style = ansi if stdio.colored(color, 1, os.environ) else plain
    typer.echo(running.text(told, stdio.width(1), style), nl=False, color=True)  # the style has decided


def look(pid: int, seconds: float, attach: bool = False, nudge: bool = False) -> Told:
    """Return everything that can be known of the process. Raises Unseen when there is none, or it is hidden."""
    from supervisor.diagnosis.running.conclusions import findings, is_dead
    from supervisor.system import sources
    from supervisor.system.agent import inject, pstree
    from supervisor.system.proc import look, python
    from supervisor.views.running import Told

    lookup = sources.of_process(pid)  # now: it may have ended when its lines are asked for
    asked, notes = _ask(pid)
    facts = look.look(pid, seconds)
    fleet = None
    if asked is not None:
        path, first = asked
        fleet = _heard(path, pid, first, lookup)
    visit = None
    if attach:
        has_agent = fleet["agent"] if fleet is not None else inject.agent_of(pid) is not None
        visit, why = _visit(facts, nudge, lookup) if not has_agent else (None, [])
        notes += why
    said = any(one and (one["said"] or one["waits"]) for one in (fleet, visit))
    inside = None
    if not (said or facts.ended or facts.kernel or is_dead(facts)):
        inside = python.look(facts, pstree.tree(facts))
    if inside is not None and fleet is None:
        notes += _agent(pid)
    if fleet is not None and fleet["probed"] and pid not in fleet["answered"] and not is_dead(facts):
        notes += _silent(pid, facts.exe)
    stop = _stop(pid, fleet) if fleet is not None else None
    return Told(facts, inside, fleet, findings(facts, inside, lookup, said, stop), notes, visit)


def _visit(facts: Facts, nudge: bool, lookup: Sources) -> tuple[dict[str, Any] | None, list[str]]:
    """Return what an agent says that is brought in for one look, and notes: why there is none."""
    import time

    from supervisor.diagnosis.running.conclusions import is_dead
    from supervisor.diagnosis.running.from_agent import visited
    from supervisor.system.agent import attach
    from supervisor.system.proc import python

    if facts.ended or facts.kernel or is_dead(facts):
        return None, []  # told already as what it is
    version = python.version(facts.pid, facts.exe)
    try:
        if version is None or facts.exe is None:
            raise attach.NotAttached("it is no Python program")
        if facts.frozen is not None or facts.main.state in "Tt":
            raise attach.NotAttached("it is stopped and runs nothing", "continue it first")
        found = attach.visit(facts.pid, version, facts.exe, facts.argv, nudge)
    except attach.NotAttached as error:
        return None, [f"no agent was brought in: {error.message}" + (f" ({error.hint})" if error.hint else "")]
    told = {**visited(found.messages, time.monotonic(), facts.pid), "nudged": found.nudged}
    _add_sources(told, lookup)
    if not found.messages:
        return None, ["the agent that was brought in left without a word; ask again"]
    return told, ["it was stopped and continued to wake it (--nudge)"] if found.nudged else []


def _add_sources(told: dict[str, Any], lookup: Sources) -> None:
    """Add the text of each line that an agent has named."""
    for one in told["said"]:
        where = one["where"]
        if where is not None:
            where["source"] = (lookup(where["file"], where["line"]) or "").strip() or None


def _ask(pid: int) -> tuple[tuple[str, dict[str, Any]] | None, list[str]]:
    """Return the socket of the process's supervisor with its first answer, and which of ours could not be asked."""
    from supervisor.core.contract.requests import Explain
    from supervisor.errors import SupervisorError
    from supervisor.system.control import client

    notes: list[str] = []
    for path, who in _supervisors(pid):
        try:
            answer = client.ask(path, Explain(pid))
        except SupervisorError as error:
            notes.append(f"{who} could not be asked: {error.message}")
            continue
        if answer.get("ok") and answer.get("worker") is not None:
            return (path, answer), []
    return None, notes


def _stop(pid: int, fleet: dict[str, Any]) -> str | None:
    """Return the command by which the supervisor of a process is asked to end it."""
    import shlex

    from supervisor.system.agent import inject

    if fleet["fleet"] is not None:
        now = "--now " if fleet["worker"]["stop"] is not None else ""
        return f"supervisor stop --fleet {shlex.quote(fleet['fleet'])} {now}{shlex.quote(fleet['worker']['title'])}"
    supervisor = inject.agent_of(pid)
    return f"kill {supervisor}" if supervisor else None


def _supervisors(pid: int) -> Iterator[tuple[str, str]]:
    """Yield whom to ask, and what they are called: the `run` that the process was started by, then all fleets of
    ours.
    """
    from supervisor.system.agent import inject, meeting
    from supervisor.system.control import place

    met = inject.meeting_of(pid)
    path = meeting.questions_at(met) if met is not None else None
    if path is not None:
        yield path, f"its supervisor (pid {inject.agent_of(pid)})"
    for fleet in place.running(os.environ):
        yield fleet.socket, f"the fleet {quoted(fleet.name)}"


def _heard(path: str, pid: int, first: dict[str, Any], lookup: Sources) -> dict[str, Any]:
    """Return what the process's agents have said by now. A fleet that ended meanwhile leaves its first answer."""
    from supervisor.core.contract.requests import Explain
    from supervisor.errors import SupervisorError
    from supervisor.system.control import client

    try:
        answer = client.ask(path, Explain(pid, first["at"]))
    except SupervisorError:
        answer = {}
    fleet = answer if answer.get("ok") and answer.get("worker") is not None else first
    fleet["probed"] = first["probed"]
    _add_sources(fleet, lookup)
    return {key: value for key, value in fleet.items() if key not in ("v", "ok")}


def _agent(pid: int) -> list[str]:
    """Return what to know of a process that has an agent but no supervisor that we can ask."""
    from supervisor.system.agent import inject

    supervisor = inject.agent_of(pid)
    if supervisor is None:
        return []
    who = f"its supervisor (pid {supervisor})" if supervisor else "its supervisor"
    return [f"its agent speaks only to {who}; what it sees is in the report at the end (run -v, --report)"]


def _silent(pid: int, exe: str | None) -> list[str]:
    """Return why an agent that was asked has said nothing; nothing for a program that has no agent."""
    from supervisor.system.agent import inject
    from supervisor.system.proc import python

    if inject.agent_of(pid) is None or python.version(pid, exe) is None:
        return []
    return ["its agent did not answer: its main thread runs no Python code now, or it was started without an agent"]
