"""Transports that were open when their event loop was closed."""

from __future__ import annotations

from supervisor.diagnosis.case import Case, Claim
from supervisor.diagnosis.words import capital, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# Ends of pipes to child processes stay until the child is reaped; that is leaked-children's matter.
_PIPES = ("_UnixReadPipeTransport", "_UnixWritePipeTransport")


def unclosed(case: Case) -> Iterable[Claim]:
    """One claim per process: the transports that nobody had closed."""
    for process in case.evidence.processes.values():
        left = [
            transport
            for _, name, fields in process.phases
            if name == "loop-close"
            for transport in fields.get("transports") or ()
            if transport and not transport.get("closing") and transport.get("type") not in _PIPES
        ]
        if not left:
            continue
        buffered = sum(transport.get("buffered") or 0 for transport in left)
        names = [_peer(transport) for transport in left]
        told = capital(several(names, "connection"))
        claim = Claim(
            "unclosed-transport", "warning" if buffered else "note", ("transports", process.pid),
            transports=f"{told} {'was' if len(left) == 1 else 'were'}",
        )  # fmt: skip
        claim.proof += [_line(transport) for transport in left[:5]]
        user = next((t for t in process.tasks.values() if t.waits and t.waits[-1].kind in ("read", "drain")), None)
        claim.at(process, user.last_at if user else None, user.name if user else None)
        yield claim


def _peer(transport: Mapping[str, Any]) -> str:
    peer = transport.get("peer")
    return f"to {peer}" if peer else f"fd {transport.get('fd')}"


def _line(transport: Mapping[str, Any]) -> str:
    buffered = transport.get("buffered") or 0
    lost = f", {buffered} bytes not sent" if buffered else ""
    return f"{transport.get('type')} fd {transport.get('fd')} {_peer(transport)}, {transport.get('protocol')}{lost}"
