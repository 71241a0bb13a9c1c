"""The table of `supervisor status`."""

from __future__ import annotations

from typing import Any

from supervisor.views import status


def _worker(title: str, **fields: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "title": title, "phase": "running", "pid": 42, "since": 90.0, "starts": 1, "stop": None, "waits": None,
        "restart_at": None, "signal": None, "started": True, "exit_code": None,
    }  # fmt: skip
    return known | fields


def test_table() -> None:
    stop = {"signal": "SIGTERM", "since": 98.5, "next_at": 108.5, "next_signal": "SIGKILL"}
    state = {
        "workers": [
            _worker("api.1"),
            _worker("mailer", phase="draining", stop=stop, waits="task 'flush'"),
            _worker("patient", phase="draining", stop=stop | {"next_at": None, "next_signal": None}),
            _worker("crash", phase="backoff", pid=None, since=99.0, starts=3, restart_at=104.0, exit_code=3),
            _worker("gone", phase="exited", pid=None, signal="SIGSEGV"),
            _worker("never", phase="waiting", pid=None, since=None, starts=0),
        ]
    }
    assert status.table(state, 100.0, 100).splitlines() == [
        "worker   phase     pid  for     starts",
        "api.1    running   42   10.0 s  1",
        "mailer   draining  42   10.0 s  1       SIGTERM 1.50 s ago, task 'flush', SIGKILL in 8.50 s",
        "patient  draining  42   10.0 s  1       SIGTERM 1.50 s ago",
        "crash    backoff   -    1.00 s  3       starts again in 4.00 s",
        "gone     exited    -    10.0 s  1       died of SIGSEGV",
        "never    waiting   -            0",
    ]


def test_a_long_row_is_broken_between_words_but_not_for_a_program() -> None:
    stop = {"signal": "SIGTERM", "since": 98.5, "next_at": 108.5, "next_signal": "SIGKILL"}
    waits = "waits for task 'flush' at mailer.py:58, task 'poll' at mailer.py:91 (3 more)"
    state = {"workers": [_worker("mailer.1", phase="draining", pid=123456, stop=stop, waits=waits)]}
    assert status.table(state, 100.0, 80).splitlines()[1:] == [
        "mailer.1  draining  123456  10.0 s  1       SIGTERM 1.50 s ago, waits for task",
        "                                            'flush' at mailer.py:58, task 'poll'",
        "                                            at mailer.py:91 (3 more), SIGKILL in",
        "                                            8.50 s",
    ]
    assert max(map(len, status.table(state, 100.0, 60).splitlines())) <= 60
    assert status.table(state, 100.0, None).splitlines()[1].endswith(f"{waits}, SIGKILL in 8.50 s")


def test_what_a_worker_says_of_itself() -> None:
    workers = [
        _worker("api", status_text="serving 3 clients"),
        _worker("db", status_text="reading rules", reloading=99.0),
        _worker("gone", phase="exited", exit_code=3, status_text="cannot bind", errno=98),
    ]
    rows = status.table({"workers": workers}, 100.0, 100).splitlines()[1:]
    assert [row.partition("  1       ")[2] for row in rows] == [
        "serving 3 clients",
        "reloading; reading rules",
        "exited with 3: cannot bind; error 98: Address already in use",
    ]


def test_who_waits_for_whom_stands_below_a_stopping_worker() -> None:
    stop = {"signal": "SIGTERM", "since": 97.0, "next_at": 107.0, "next_signal": "SIGKILL"}
    place = {"file": "/app/mailer.py", "line": 58, "function": "flush", "source": None, "task": None, "thread": None}
    chain = [
        {"what": "main waits for a task", "where": None, "pid": 42},
        {"what": "task 'flush' waits for an event", "where": place, "pid": 42},
    ]
    state = {"workers": [_worker("mailer", phase="draining", stop=stop, waits="task 'flush'", chain=chain)]}
    assert status.table(state, 100.0, 100).splitlines()[2:] == [
        "    main waits for a task",
        "    └ task 'flush' waits for an event at mailer.py:58 flush",
    ]
