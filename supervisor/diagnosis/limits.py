"""Limits inside limits: how long a server lets its own stop take, against what we and a service manager allow.

Pure. Read from the command line and the environment of the worker; no configuration file is read or executed, and no
value but these is looked at: what only a file says is not known here.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.core.units import duration
from supervisor.diagnosis.servers import RULES, SPARED, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from supervisor.core.spec import FleetSpec, WorkerSpec

# Workers that are named in one line; the rest is counted.
MOST_NAMED = 3
# How systemd writes a time span (systemd.time(7)), in seconds. Months and years are no limit of a stop.
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class Limit(Frozen):
    """How long a server lets its stop take: ``seconds``, None for ever. ``option`` sets it; ``given``: it was set."""

    server: str
    option: str
    seconds: float | None
    given: bool


def limit(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Limit | None:
    """Return the stop limit of the server that the command starts; None when it starts none, or a file may tell."""
    server = started_server(argv)
    rule = next((rule for rule in RULES if rule.server == server), None)
    if rule is None:
        return None
    words = [*argv, *((environ or {}).get(rule.words, "").split() if rule.words else ())]
    value = option(words, rule.option) if rule.option else None
    if value is None and rule.variable:
        value = (environ or {}).get(rule.variable)
    if value:
        seconds = _number(value)
        return None if seconds is None else Limit(rule.server, rule.option, seconds * rule.unit, True)
    if any(option(words, name) is not None for name in rule.file):
        return None
    return Limit(rule.server, rule.option, rule.default, False)


def nested(argv: Sequence[str], grace: float | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Say in a sentence what is wrong with the server's limit inside ours; None when it fits, or nothing is known."""
    inner = limit(argv, environ)
    if inner is None or not _exceeds(inner, grace):
        return None
    below = f"set {inner.option} below that, or " if inner.option else ""
    return f"{_waits(inner)}, and SIGKILL comes after {duration(grace or 0.0)}: {below}raise the grace"


def _exceeds(inner: Limit, grace: float | None) -> bool:
    return grace is not None and (inner.seconds is None or inner.seconds >= grace)


def _waits(inner: Limit) -> str:
    own = f"for {duration(inner.seconds)}" if inner.seconds is not None else "without a limit"
    return f"{inner.server} waits for its work {own}{'' if inner.given or not inner.option else ' unless told'}"


def spares_children(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> str | None:
    """Return the server whose worker processes must not get the group's signal (--child-only), None for others."""
    server = started_server(argv)
    for spared in SPARED:
        if spared.server == server:
            alone = any(option(argv, name) in values for names, values in spared.alone for name in names)
            return None if alone or (spared.variable and (environ or {}).get(spared.variable)) else server
    return None


def why_spared(server: str) -> str:
    """Return what happens to the worker processes of such a server when they get the signal too."""
    return next(spared.why for spared in SPARED if spared.server == server)


# ------------------------------------------------------------------ a fleet


class Doubt(Frozen):
    """What may cost a worker its work: ``limit``: its own limit is longer than ours; ``group``: its processes get the
    signal too. ``short`` fits into a line beside others; ``message`` and ``hint`` tell it whole."""

    worker: str
    kind: str
    short: str
    message: str
    hint: str


def doubts(spec: WorkerSpec, environ: Mapping[str, str]) -> Iterator[Doubt]:
    """Tell what does not fit between a worker and the way it will be stopped. ``environ``: ours, if it has no own."""
    own = spec.exec.env if spec.exec.env is not None else environ
    argv, grace = spec.exec.argv, spec.stop.ladder.grace
    inner = limit(argv, own)
    if inner is not None and grace is not None and _exceeds(inner, grace):
        message = f"{_waits(inner)}, but SIGKILL comes after {duration(grace)}"
        below = f"set {inner.option} below that, or " if inner.option else ""
        short = f"{_waits(inner)}, SIGKILL comes after {duration(grace)}"
        yield Doubt(spec.name, "limit", short, message, f"{below}raise stop.grace")
    server = spares_children(argv, own)
    if server is not None and spec.stop.group:
        message = f"{server} tells its worker processes of a stop by itself: {why_spared(server)}"
        yield Doubt(
            spec.name, "group", f"{server}'s processes get the signal too", message, 'set stop.target = "main"'
        )


def line(workers: Iterable[WorkerSpec], environ: Mapping[str, str]) -> str | None:
    """Return one line for a whole fleet, of each worker the first doubt; None when all fits."""
    firsts: dict[str, Doubt] = {}
    for spec in workers:
        for doubt in doubts(spec, environ):
            firsts.setdefault(doubt.worker, doubt)
    if not firsts:
        return None
    named = [f"{doubt.worker} ({doubt.short})" for doubt in list(firsts.values())[:MOST_NAMED]]
    more = f" and {len(firsts) - MOST_NAMED} more" if len(firsts) > MOST_NAMED else ""
    return f"a stop may cost work: {', '.join(named)}{more}. See: supervisor check"


def whole(fleet: FleetSpec) -> float | None:
    """Return the seconds that a stop of the fleet may take until its last SIGKILL; None for no end.

    A worker is asked to stop when those that depend on it have ended.
    """
    graces = {spec.name: spec.stop.ladder.grace for spec in fleet.workers}
    needs = {spec.name: [one.worker for one in spec.depends_on] for spec in fleet.workers}
    longest = 0.0
    for name in graces:
        chain = _chain(name, graces, needs, ())
        if chain is None:
            longest = float("inf")
            break
        longest = max(longest, chain)
    if fleet.limit is not None:
        longest = min(longest, fleet.limit)
    return longest if longest != float("inf") else None


def _chain(
    name: str, graces: Mapping[str, float | None], needs: Mapping[str, list[str]], above: tuple[str, ...]
) -> float | None:
    own = graces.get(name, 0.0)
    below = [_chain(one, graces, needs, (*above, name)) for one in needs.get(name, ()) if one not in above]
    if own is None or None in below:
        return None
    return own + max((one for one in below if one is not None), default=0.0)


def outer(fleet: FleetSpec, seconds: float | None) -> str | None:
    """Say what is wrong with our ladder inside the service manager's limit; None when it fits, or has no end."""
    ours = whole(fleet)
    if seconds is None or (ours is not None and ours < seconds):
        return None
    takes = f"after {duration(ours)}" if ours is not None else "never"
    after = (
        f"TimeoutStopSec={ours + 10:.0f} in the unit" if ours is not None else "TimeoutStopSec=infinity in the unit"
    )
    return (
        f"systemd ends this unit {duration(seconds)} after its stop (TimeoutStopUSec), but our last SIGKILL comes "
        f"{takes}: set {after}, or [fleet] limit below it"
    )


def timespan(text: str) -> float | None:
    """Return the seconds of a time span of systemd, ``1min 30s``; None for ``infinity`` and what is none."""
    total = 0.0
    for word in text.split():
        digits = word.rstrip("abcdefghijklmnopqrstuvwxyz")
        number, unit = _number(digits), word[len(digits) :]
        if number is None or unit not in _UNITS:
            return None
        total += number * _UNITS[unit]
    return total if text.split() else None


# ------------------------------------------------------------------ a command line


def started_server(argv: Sequence[str]) -> str | None:
    """Return the program that a command starts by its name: ``python -m uvicorn``, ``/venv/bin/gunicorn``."""
    words = list(argv)
    if words and words[0].rpartition("/")[2].startswith("python"):
        rest = words[1:]
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest = rest[2:] if rest[0] in ("-W", "-X") else rest[1:]
        if rest[:1] == ["-m"]:
            return rest[1].partition(".")[0] if len(rest) > 1 else None
        words = rest
    return words[0].rpartition("/")[2] if words else None


def given(argv: Sequence[str], environ: Mapping[str, str] | None, name: str) -> bool:
    """Tell whether an option is on the command line, or in the variable that stands for it."""
    rules: list[Rule] = [rule for rule in RULES if rule.option == name and rule.server == started_server(argv)]
    words = [*argv, *(word for rule in rules if rule.words for word in (environ or {}).get(rule.words, "").split())]
    return any(word == name or word.startswith(f"{name}=") for word in words) or any(
        rule.variable and (environ or {}).get(rule.variable) for rule in rules
    )


def option(words: Sequence[str], name: str) -> str | None:
    """Return the value of an option; None when it is not there."""
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word[len(name) + 1 :]
        if word == name and index + 1 < len(words):
            return words[index + 1]
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
