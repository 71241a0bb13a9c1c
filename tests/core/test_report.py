"""The report contract (docs/report.md, "The report"): names are only ever added; unknown is null, never 0."""

from __future__ import annotations

import json
from typing import Any

import pytest

from supervisor.core.contract import report
from supervisor.core.record import (
    AgentFacts,
    Climb,
    Finding,
    Leftover,
    Marks,
    Masks,
    PhaseSpan,
    Rusage,
    Sample,
    Shutdown,
    Stretch,
    Where,
)
from tests.support.shutdowns import shutdown

ORIGIN = report.Origin("0.1.0", "3.11.7", "2026-01-02T03:04:05+00:00", "here")

# Field by field; a dict stands for an object, a list for a list of its only element, None for a value.
CONTRACT: dict[str, Any] = {
    "schema": None,
    "supervisor": dict.fromkeys(("version", "python", "started_at", "host", "fleet", "tag")),
    "shutdowns": [
        {
            **dict.fromkeys(("worker", "instance", "start", "pid", "argv", "asked_by", "asked_by_pid")),
            **dict.fromkeys(("outcome", "exit_code", "signal")),
            "escalation": [dict.fromkeys(("at", "signal", "target"))],
            "marks": dict.fromkeys(("asked", "noticed", "drained", "cleaned", "killed", "exited")),
            "spans": dict.fromkeys(("notice", "drain", "cleanup", "teardown", "total")),
            "phases": [dict.fromkeys(("name", "start", "end"))],
            "resources": dict.fromkeys(("cpu_user", "cpu_system", "max_rss")),
            "leftovers": [dict.fromkeys(("pid", "argv", "fate"))],
            "agent": dict.fromkeys(("present", "python", "loop", "dropped", "reason")),
            "critical_path": [
                {
                    "seconds": None,
                    "what": None,
                    "where": dict.fromkeys(("file", "line", "function", "source", "task", "thread")),
                }
            ],
            "findings": [
                {
                    **dict.fromkeys(("code", "severity", "seconds", "title", "proof", "advice", "also")),
                    "where": dict.fromkeys(("file", "line", "function", "source", "task", "thread")),
                }
            ],
        }
    ],
}

WHERE = Where("worker.py", 12, "blocking", "time.sleep(1.5)", None, "asyncio_0")
FULL = Shutdown(
    worker="api",
    instance=1,
    start=2,
    pid=4242,
    argv=("python", "api.py", "--token", "abc"),
    asked_by="signal SIGTERM",
    asked_by_pid=1,
    outcome="signalled",
    exit_code=None,
    signal=15,
    grace=10.0,
    zero=1000.0,
    marks=Marks(0.0, 0.0003, 0.31, 0.46, None, 0.47, 0.49),
    escalation=(Climb(0.0, 15, "group"), Climb(0.2, 9, "leftovers", "nobody")),
    rusage=Rusage(0.1, 0.02, 31457280),
    leftovers=(Leftover(4250, ("sleep", "--password=x"), "killed"),),
    masks=Masks(caught=1 << 14, ignored=0, blocked=0),
    samples=(
        Sample(0.02, "R", 1.0, 3, None, ("127.0.0.1:80", "[::]:81"), 2, 1),
        Sample(0.1, "S", 1.25, 3, "epoll_wait", ("127.0.0.1:80",), 1),
        Sample(0.2, "S", 1.5, 2, "epoll_wait", None, None),
    ),
    phases=(PhaseSpan("drain", 0.0003, 0.31),),
    agent=AgentFacts(True, "3.12.1", "asyncio"),
    critical_path=(Stretch(1.5, "executor", WHERE), Stretch(0.1234567, "computing")),
    findings=(Finding("executor-busy", "warning", "a title", "advice", 1.5, WHERE, ("proof",), ("slow-task",)),),
)
BARE = shutdown("stuck", asked_by="self", grace=None, marks=Marks(), escalation=())


def missing(contract: Any, data: Any, place: str = "") -> list[str]:
    if isinstance(contract, dict):
        if data is None:
            return [f"{place} is null"]
        absent = [f"{place}.{name}" for name in contract if name not in data]
        return absent + [
            line
            for name in contract
            if name in data
            for line in missing(contract[name], data[name], f"{place}.{name}")
        ]
    if isinstance(contract, list):
        return [line for one in data for line in missing(contract[0], one, place + "[]")] or (
            [] if data else [f"{place} is empty"]
        )
    return []


def test_every_field_of_the_contract_is_there() -> None:
    one = FULL.with_(critical_path=FULL.critical_path[:1])
    document = report.document(ORIGIN, [one])
    assert missing(CONTRACT, document) == []
    assert document["schema"] == "supervisor.report/1"
    assert json.loads(json.dumps(document)) == document


def test_values() -> None:
    shown = report.shutdown(FULL)
    assert shown["argv"] == ["python", "api.py", "--token", "***"]
    assert (shown["exit_code"], shown["signal"], shown["outcome"]) == (None, "SIGTERM", "signalled")
    told = {"result": "delivered", "held": 0.0, "user": None}
    assert shown["escalation"] == [
        {"at": 0.0, "signal": "SIGTERM", "target": "group", "delivered": True, **told},
        {"at": 0.2, "signal": "SIGKILL", "target": "leftovers", "delivered": False, **told, "result": "nobody"},
    ]
    left = {"pid": 4250, "argv": ["sleep", "--password=***"], "fate": "killed", "user": None}
    assert shown["leftovers"] == [left]
    assert shown["spans"] == {"notice": 0.0003, "drain": 0.3097, "cleanup": 0.15, "teardown": 0.03, "total": 0.49}
    assert shown["resources"] == {"cpu_user": 0.1, "cpu_system": 0.02, "max_rss": 31457280}
    assert shown["critical_path"][1] == {
        "seconds": 0.123457, "what": "computing", "where": None, "kind": "computing", "between": None, "pid": None,
        "call": None,
    }  # fmt: skip
    assert shown["findings"][0]["where"] == shown["critical_path"][0]["where"]


def test_unknown_is_null() -> None:
    shown = report.shutdown(BARE)
    assert set(shown["marks"].values()) == {None}
    assert set(shown["spans"].values()) == {None}
    names = ("asked_by_pid", "exit_code", "signal", "resources", "grace")
    assert [shown[name] for name in names] == [None] * len(names)
    assert shown["outside"] == {
        "signals": None, "masks": None, "cpu_while_stopping": None, "listening": [], "samples": [],
    }  # fmt: skip
    assert shown["agent"] == {"present": False, "python": None, "loop": None, "dropped": 0, "reason": None}
    for name in ("escalation", "phases", "leftovers", "critical_path", "findings"):
        assert shown[name] == []


def test_seen_from_outside() -> None:
    seen = report.shutdown(FULL)["outside"]
    assert seen["signals"] == {"SIGTERM": "caught"}
    assert seen["cpu_while_stopping"] == 0.5
    assert seen["listening"] == [
        {"address": "127.0.0.1:80", "closed_at": None},
        {"address": "[::]:81", "closed_at": 0.1},
    ]
    assert [one["syscall"] for one in seen["samples"]] == [None, "epoll_wait", "epoll_wait"]
    assert [one["connections"] for one in seen["samples"]] == [2, 1, None]


@pytest.mark.parametrize(
    ("masks", "shown"),
    [
        (Masks(0, 0, 0), "default"),
        (Masks(1 << 14, 0, 0), "caught"),
        (Masks(0, 1 << 14, 0), "ignored"),
        (Masks(1 << 14, 0, 1 << 14), "blocked"),
        (Masks(1 << 13, 1 << 13, 1 << 15), "default"),
    ],
)
def test_what_it_does_with_the_signal(masks: Masks, shown: str) -> None:
    assert report.signals(FULL.with_(masks=masks)) == {"SIGTERM": shown}


def test_spans_are_never_negative() -> None:
    """A stamp of the agent may be older than ours."""
    assert report.spans(Marks(asked=0.1, noticed=0.05, exited=0.2))["notice"] == 0.0


def test_who_held_the_stop() -> None:
    """The last to end, and how long nobody else was left; of one worker nobody asks."""
    quick = BARE.with_(worker="quick", outcome="clean", zero=10.0, marks=Marks(asked=0.0, exited=0.5))
    slow = quick.with_(worker="slow", zero=10.1, marks=Marks(asked=0.0, exited=3.0))
    by_itself = quick.with_(worker="early", zero=2.0, marks=Marks(exited=90.0))
    assert report.document(ORIGIN, [slow, quick, by_itself])["hold"] == {
        "worker": "slow", "seconds": 3.1, "alone": 2.6,
    }  # fmt: skip
    assert report.document(ORIGIN, [quick, by_itself])["hold"] is None


def test_title_and_total() -> None:
    assert (FULL.title, BARE.title) == ("api.1", "w")
    assert FULL.total == 0.49
