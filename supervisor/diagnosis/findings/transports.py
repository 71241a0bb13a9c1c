"""Transports that were open when their event loop was closed."""

from __future__ import annotations

from supervisor.diagnosis.evidence.notes import LoopException
from supervisor.diagnosis.findings.case import Case, Claim
from supervisor.diagnosis.phrases import capital, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervisor.core.record import Severity
    from supervisor.diagnosis.evidence.model import Process
    from supervisor.diagnosis.evidence.shapes import Transport

# Ends of pipes to child processes stay until the child is reaped; that is leaked-children's matter.
_PIPES = ("_UnixReadPipeTransport", "_UnixWritePipeTransport")

# Who waited so long for a peer to take bytes has given it a chance, seconds.
WAITED = 0.5
# How libraries begin the complaint of an object of theirs that is dropped unclosed (asyncio, aiohttp).
_COMPLAINT = "unclosed "


def unclosed(case: Case) -> Iterable[Claim]:
    """Find, for each process and sort, the transports that were not closed, and whose last bytes never left."""
    for process in case.evidence.processes.values():
        left = [
            transport
            for phase in process.phases
            if phase.name == "loop-close"
            for transport in phase.transports
            if transport.type not in _PIPES
        ]
        # One that is closing sends what it has buffered, if its loop goes on running.
        given_up = [transport for transport in left if transport.closing and transport.buffered]
        left = [transport for transport in left if not transport.closing]
        dropped = _dropped(process)
        if left or dropped:
            yield _unclosed(process, left, dropped)
        if given_up:
            yield _given_up(process, given_up)


def _unclosed(process: Process, left: list[Transport], dropped: list[str]) -> Claim:
    buffered = sum(transport.buffered for transport in left)
    told = capital(several([_peer(one) for one in left], "connection") if left else " and ".join(dropped[:3]))
    told += f", with {buffered} bytes not sent," if buffered else ""
    told += f" {'was' if len(left or dropped) == 1 else 'were'} still open when the event loop was closed"
    severity: Severity = "error" if buffered else "note"
    claim = Claim("unclosed-transport", severity, ("transports", process.pid), transports=told).advise("close")
    claim.proof += [_line(transport) for transport in left[:5]]
    claim.proof += [f"its library complains: unclosed {one}" for one in dropped[:5]]
    user = next((t for t in process.tasks.values() if t.waits and t.waits[-1].kind in ("read", "drain")), None)
    return claim.at(process, user.last_at if user else None, user.name if user else None)


def _given_up(process: Process, left: list[Transport]) -> Claim:
    """Claim transports of which close() was called, while the loop was not run until the peer had taken all."""
    buffered = sum(transport.buffered for transport in left)
    waited = any(
        wait.kind in ("drain", "socket") and wait.until(process.last) - max(wait.start, 0.0) >= WAITED
        for task in process.tasks.values()
        for wait in task.waits
    )
    told = f"{buffered} bytes were still unsent when {several([_peer(one) for one in left], 'connection')} "
    told += f"{'was' if len(left) == 1 else 'were'} given up" + (": the peer did not read" if waited else "")
    claim = Claim(
        "unclosed-transport", "warning" if waited else "error", ("transports", process.pid, "given up"),
        transports=told,
    ).advise("abort" if waited else "flush")  # fmt: skip
    claim.proof += [f"{_line(transport)}, closing" for transport in left[:5]]
    if not waited:
        claim.proof.append("no task was seen waiting for the peer to receive them")
    return claim.at(process, None)


def _dropped(process: Process) -> list[str]:
    """Return what a library said of its own objects that were destroyed unclosed: ``client session``."""
    said = [note.message for note in process.of(LoopException)]
    found = [text[len(_COMPLAINT) :].split("\n")[0] for text in said if text.lower().startswith(_COMPLAINT)]
    return list(dict.fromkeys(found))


def _peer(transport: Transport) -> str:
    return f"to {transport.peer}" if transport.peer else f"fd {transport.fd}"


def _line(transport: Transport) -> str:
    lost = f", {transport.buffered} bytes not sent" if transport.buffered else ""
    return f"{transport.type} fd {transport.fd} {_peer(transport)}, {transport.protocol}{lost}"
