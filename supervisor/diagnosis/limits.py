"""Limits inside limits: how long a server lets its own stop take, read from its command line. Pure.

No configuration file is executed, and no value but these is looked at: what only a file says is not known here.
"""

from __future__ import annotations

from supervisor.core.frozen import Frozen
from supervisor.diagnosis.phrases import figure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Limit(Frozen):
    """How long a server lets its stop take: ``seconds``, None for ever. ``option`` sets it; ``given``: it was set."""

    server: str
    option: str
    seconds: float | None
    given: bool


class _Rule(Frozen):
    """``default`` seconds, None for ever; ``unit``: what the option's figure counts, in seconds."""

    server: str
    option: str
    default: float | None
    unit: float = 1.0
    environ: str | None = None


_RULES = (
    # docs.gunicorn.org, settings: graceful_timeout 30
    _Rule("gunicorn", "--graceful-timeout", 30.0, environ="GUNICORN_CMD_ARGS"),
    # www.uvicorn.org/settings: timeout-graceful-shutdown, none
    _Rule("uvicorn", "--timeout-graceful-shutdown", None),
    # hypercorn/config.py: graceful_timeout 3 s
    _Rule("hypercorn", "--graceful-timeout", 3.0),
    # granian/cli.py: workers_kill_timeout, none
    _Rule("granian", "--workers-kill-timeout", None, environ="GRANIAN_WORKERS_KILL_TIMEOUT"),
    # dramatiq/cli.py: 600000 ms
    _Rule("dramatiq", "--worker-shutdown-timeout", 600.0, 0.001),
    # taskiq/cli/worker/args.py: wait_tasks_timeout, none
    _Rule("taskiq", "--wait-tasks-timeout", None),
    # docs.celeryq.dev, workers: a warm shutdown waits for all tasks
    _Rule("celery", "", None),
)


def limit(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Limit | None:
    """Return the stop limit of the server that the command starts; None when it starts none that is known."""
    server = started_server(argv)
    rule = next((rule for rule in _RULES if rule.server == server), None)
    if rule is None:
        return None
    value = _option(argv, rule.option) if rule.option else None
    if value is None and rule.environ and environ:
        told = environ.get(rule.environ, "")
        value = _option(told.split(), rule.option) or (told if _number(told) is not None else None)
    seconds = _number(value)
    if seconds is None:
        return Limit(rule.server, rule.option, rule.default, False)
    return Limit(rule.server, rule.option, seconds * rule.unit, True)


def nested(argv: Sequence[str], grace: float | None, environ: Mapping[str, str] | None = None) -> str | None:
    """Return what is wrong with the server's limit inside ours, in one sentence; None when it fits, or nothing is
    known.
    """
    inner = limit(argv, environ)
    if inner is None or grace is None or (inner.seconds is not None and inner.seconds < grace):
        return None
    own = f"for {figure(inner.seconds)}" if inner.seconds is not None else "without a limit"
    below = f"set {inner.option} below that, or " if inner.option else ""
    return f"{inner.server} waits for its work {own}, and SIGKILL comes after {figure(grace)}: {below}raise the grace"


def spares_children(argv: Sequence[str]) -> str | None:
    """Return the server whose worker processes must not get the group's signal (--child-only); None for other
    commands.

    celery: its pool's processes end at once; dramatiq and hypercorn pass the signal on, and the second one ends their
    workers at once.
    """
    server = started_server(argv)
    return server if server in ("celery", "dramatiq", "hypercorn") else None


def started_server(argv: Sequence[str]) -> str | None:
    """Return the program that a command starts by its name: ``python -m uvicorn``, ``/venv/bin/gunicorn``,
    ``uvicorn``.
    """
    words = list(argv)
    if words and words[0].rpartition("/")[2].startswith("python"):
        rest = words[1:]
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest = rest[2:] if rest[0] in ("-W", "-X") else rest[1:]
        if rest[:1] == ["-m"]:
            return rest[1].partition(".")[0] if len(rest) > 1 else None
        words = rest
    return words[0].rpartition("/")[2] if words else None


def _option(words: Sequence[str], option: str) -> str | None:
    for index, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word[len(option) + 1 :]
        if word == option and index + 1 < len(words):
            return words[index + 1]
    return None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
