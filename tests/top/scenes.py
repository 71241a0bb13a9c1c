"""Fleets as the control socket describes them, for tests, for `fleet.py` and for the picture in docs/."""

from __future__ import annotations

from typing import Any

NAMES = "web api mailer billing search thumbnails webhooks sessions reports cleanup importer notifier".split()


def _place(file: str, line: int, function: str) -> dict[str, Any]:
    known = {"file": file, "line": line, "function": function}
    return known | dict.fromkeys(("source", "task", "thread"))


# What a worker waits for, as diagnosis/live_wait.py says it.
WAITS: tuple[dict[str, Any], ...] = (
    {"waits": "waits for a pool job at thumbnails.py:212", "waits_at": "thumbnails.py:212", "chain": []},
    {
        "waits": "waits for task 'consume-42' at mailer.py:58 (7 more)",
        "waits_at": "mailer.py:58",
        "chain": [
            {"what": "main waits for task 'consume-42'", "where": _place("/srv/mailer.py", 91, "main"), "pid": 4202},
            {
                "what": "task 'consume-42' waits for all items of a queue to be done",
                "where": _place("/srv/mailer.py", 58, "deliver"),
                "pid": 4202,
            },
            {"what": "nobody: 'flusher' was cancelled at mailer.py:51", "where": None, "pid": 4202},
        ],
    },
    {"waits": "waits for clients of its server at api.py:31", "waits_at": "api.py:31", "chain": []},
)
NOTHING: dict[str, Any] = {"waits": None, "waits_at": None, "chain": []}
# Seconds of CLOCK_MONOTONIC at which the still scenes play; any number will do.
NOW = 90_000.0


def worker(index: int, title: str, phase: str = "running", **fields: Any) -> dict[str, Any]:
    """One worker as core/contract/state.py's worker_view makes it; ``fields`` replaces single ones."""
    name, _, number = title.partition(".")
    # A worker that dies of a signal here dies of that of its stop.
    wanted = {None: None, "clean": True, "signalled": True}.get(fields.get("outcome"), False)
    alive = phase not in ("exited", "failed", "backoff", "waiting")
    return {
        "index": index,
        "id": index,
        "worker": name,
        "instance": int(number) if number.isdecimal() else 0,
        "title": title,
        "want": "up",
        "phase": phase,
        "pid": 4200 + index if alive else None,
        "argv": ["python", "-m", f"shop.{name}"],
        "since": NOW - 7_620 - index,
        "starts": 1,
        "restart_at": None,
        "stop": None,
        **NOTHING,
        "outcome": None,
        "as_wanted": wanted,
        "started": True,
        "exit_code": None,
        "signal": None,
        "ended": None,
        "took": None,
        "healthy_at": None,
        "status_text": None,
        "reloading": None,
        "errno": None,
        "start": None,
        "ready": None,
        "trying": None,
        "health": None,
        "waits_for": [],
        "missing": None,
        **fields,
    }


def stopping(
    index: int, title: str, elapsed: float, wait: float = 10.0, phase: str = "draining", **fields: Any
) -> dict[str, Any]:
    """A worker asked to stop ``elapsed`` seconds before NOW, SIGKILL ``wait`` seconds after that."""
    stop = {
        "by": "signal SIGINT",
        "asked": NOW - elapsed,
        "signal": "SIGTERM",
        "since": NOW - elapsed,
        "next_at": NOW - elapsed + wait,
        "next_signal": "SIGKILL",
        "leftovers": 0,
    }
    return worker(index, title, phase, want="down", **{"stop": stop} | fields)


def fleet(workers: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """The head of a view."""
    head = {"name": "shop", "want": "up", "asked": None, "limit": None, "next_kill": None, "workers": len(workers)}
    return head | fields


def running(count: int) -> list[dict[str, Any]]:
    """A fleet with nothing to tell."""
    return [worker(index, title) for index, title in enumerate(titles(count))]


def titles(count: int) -> list[str]:
    """Names as a config makes them: the twelve workers' own, further instances with their number."""
    rounds = [divmod(index, len(NAMES)) for index in range(count)]
    return [f"{NAMES[number]}.{instance}" if instance else NAMES[number] for instance, number in rounds]


def troubled(count: int) -> list[dict[str, Any]]:
    """A fleet that runs, with every kind of trouble somewhere in it."""
    names = titles(count)
    special = [
        worker(3, names[3], "backoff", restart_at=NOW + 6.8, starts=4, outcome="failed", exit_code=1, ended=NOW - 1),
        worker(4, names[4], "failed", starts=6, outcome="failed", exit_code=3, ended=NOW - 700, since=NOW - 700),
        worker(5, names[5], "starting", since=NOW - 3, starts=2),
        worker(7, names[7], "exited", outcome="clean", exit_code=0, ended=NOW - 4_000, since=NOW - 4_000),
        stopping(8, names[8], 3.2, **WAITS[0]),
    ]
    known = {one["index"]: one for one in special}
    return [known.get(one["index"], one) for one in running(count)]


def going_down(count: int) -> list[dict[str, Any]]:
    """A fleet 6.4 s into its stop: most have ended, some hold it, each in its own way."""
    names = titles(count)
    left = {"by": "signal SIGINT", "asked": NOW - 6.4, "signal": "SIGTERM", "since": NOW - 6.4}
    endless = left | {"next_at": None, "next_signal": None, "leftovers": 0}
    two = left | {"next_at": NOW + 3.6, "next_signal": "SIGINT", "leftovers": 2}
    dead = left | {"since": NOW - 0.4, "next_at": NOW + 4.6, "next_signal": None, "leftovers": 0}
    special = [
        stopping(1, names[1], 6.4, **WAITS[0]),
        stopping(2, names[2], 6.4, 8.0, "cleaning", **WAITS[1]),
        worker(4, names[4], "leaving", want="down", stop=two),
        worker(5, names[5], "draining", want="down", stop=endless, **WAITS[2]),
        worker(6, names[6], "killed", want="down", stop=dead),
        _ended(7, names[7], outcome="killed", signal="SIGKILL", ended=NOW - 1.5),
        _ended(8, names[8], outcome="signalled", signal="SIGTERM", ended=NOW - 6),
    ]
    known = {one["index"]: one for one in special}
    return [
        known.get(index) or _ended(index, title, outcome="clean", exit_code=0, ended=NOW - 5)
        for index, title in enumerate(names)
    ]


def _ended(index: int, title: str, **fields: Any) -> dict[str, Any]:
    """A worker that ended on a stop request of 6.4 s ago."""
    took = fields["ended"] - (NOW - 6.4)
    return worker(index, title, "exited", want="down", since=fields["ended"], took=took, **fields)


def down(workers: list[dict[str, Any]]) -> dict[str, Any]:
    """The head of a fleet that was asked to stop 6.4 s ago."""
    return fleet(workers, want="down", asked=NOW - 6.4, next_kill=NOW + 3.6)


LOG: list[dict[str, Any]] = [
    {"index": 0, "title": "web", "stream": "stdout", "line": "GET /basket/7 200 12 ms"},
    {"index": 1, "title": "api", "stream": "stdout", "line": "\x1b[32mINFO\x1b[0m order 8812 paid"},
    {"index": 1, "title": "api", "stream": "stderr", "line": "\x1b[33mWARNING\x1b[0m slow query: 1.8 s"},
    {"index": 5, "title": "thumbnails", "stream": "stdout", "line": "Größe 1024×768 für 注文.jpg ✓"},
    {
        "index": None,
        "title": "supervisor",
        "stream": "stderr",
        "line": "SIGINT from the terminal: stopping 12 workers",
    },
    {"index": 2, "title": "mailer", "stream": "stderr", "line": "draining: 42 messages left in the queue"},
]
