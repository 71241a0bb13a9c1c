"""What other supervisors have and this one has not, or has elsewhere: said beside the complaint. Pure.

Looked at only for a key or a section that is unknown, so that an entry here never hides one of our own.
"""

from __future__ import annotations

_ORDER = 'who starts after whom is said by depends_on, as in depends_on = ["db"]'
_OUTPUT = "output goes to stdout and stderr of `supervisor up`: redirect those, or leave it to systemd or Docker"
_SOCKET = "the control socket has a place of its own, which only its user reaches; see docs/control.md"
_PROCESSES = "workers are programs of this machine, not images"

# By the key's letters alone: `depends_on`, `dependsOn` and `depends-on` are one.
_KEYS = {
    "before": _ORDER,
    "wants": _ORDER,
    "priority": _ORDER,
    "autostart": "every worker starts with the fleet; to start some of them: supervisor up NAME...",
    "enabled": "every worker starts with the fleet; to start some of them: supervisor up NAME...",
    "disabled": "every worker starts with the fleet; to start some of them: supervisor up NAME...",
    "stdoutlogfile": _OUTPUT,
    "stderrlogfile": _OUTPUT,
    "stdout": _OUTPUT,
    "stderr": _OUTPUT,
    "logfile": _OUTPUT,
    "logging": _OUTPUT,
    "redirectstderr": _OUTPUT,
    "standardoutput": _OUTPUT,
    "watch": "files are not watched: use the program's own reloader",
    "reload": "files are not watched: use the program's own reloader",
    "cron": "workers run all the time: use cron or a systemd timer for what runs now and then",
    "crontab": "workers run all the time: use cron or a systemd timer for what runs now and then",
    "nice": 'start it through nice(1), as in command = ["nice", "-n", "10", "python3", "app.py"]',
    "processname": "an instance is named after its worker, as in web.2",
    "pidfile": "no file holds the pid: supervisor status --json tells it",
    "shell": 'for a shell write command = ["sh", "-c", "…"]',
    "image": _PROCESSES,
    "build": _PROCESSES,
    "volumes": _PROCESSES,
}
_SECTIONS = {
    "supervisord": "the supervisor's own settings are in [fleet] and [log]",
    "unixhttpserver": _SOCKET,
    "inethttpserver": _SOCKET,
    "supervisorctl": _SOCKET,
    "rpcinterface": _SOCKET,
    "services": "write one table per worker, as in [worker.web]",
    "programs": "write one table per worker, as in [worker.web]",
    "processes": "write one table per worker, as in [worker.web]",
    "circus": "the supervisor's own settings are in [fleet] and [log]",
    "watcher": "write one table per worker, as in [worker.web]",
}


def key(name: str) -> str:
    """Return what to know about a key of another tool; empty for a key that is not known here."""
    return _KEYS.get(_letters(name), "")


def section(name: str) -> str:
    """Return what to know about a section of another tool; empty for a section that is not known here."""
    return _SECTIONS.get(_letters(name), "")


def _letters(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
