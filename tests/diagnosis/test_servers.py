"""What servers and libraries offer, and their limits inside ours: facts that must not go stale unseen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from supervisor.agent.body.servers import SERVERS
from supervisor.diagnosis.findings.codes import CODES
from supervisor.diagnosis.findings.libraries import advice
from supervisor.diagnosis.limits import limit, nested, spares_children, started_server
from supervisor.diagnosis.servers import FACTS, RULES, SPARED
from tests.diagnosis.synthetic import code, findings, message


@pytest.mark.parametrize("fact", FACTS, ids=[f"{fact.package} {fact.codes[0]}" for fact in FACTS])
def test_each_fact_names_its_source_and_codes_that_exist(fact: object) -> None:
    found = next(one for one in FACTS if one is fact)
    assert set(found.codes) <= set(CODES)
    assert found.source.startswith("https://") or "/" in found.source
    assert re.match(r"[A-Za-z]", found.advice) and found.advice.endswith(".")


def test_what_the_command_line_does_already_is_not_advised() -> None:
    bare = advice("slow-task", ["uvicorn"], ["uvicorn", "app:app"])
    assert "--timeout-graceful-shutdown" in bare
    for done in (["--timeout-graceful-shutdown", "5"], ["--timeout-graceful-shutdown=5"]):
        assert advice("slow-task", ["uvicorn"], ["uvicorn", "app:app", *done]) == ""


def test_what_the_environment_says_is_done_too() -> None:
    variable = {"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "5"}
    assert advice("slow-task", ["uvicorn"], ["uvicorn", "app:app"], variable) == ""
    assert advice("slow-task", ["gunicorn"], ["gunicorn", "app"], {"GUNICORN_CMD_ARGS": "--graceful-timeout 5"}) == ""
    assert "--graceful-timeout" in advice("slow-task", ["gunicorn"], ["gunicorn", "app"], variable)


def test_child_only_is_not_advised_to_who_has_it() -> None:
    argv = ["celery", "-A", "app", "worker"]
    assert "--child-only" in advice("killed", ["celery"], argv)
    assert "--child-only" not in advice("killed", ["celery"], argv, {}, to_group=False)


def test_a_cut_is_blamed_on_a_limit_only_where_there_is_one() -> None:
    assert advice("work-cut-short", ["uvicorn"], ["uvicorn", "app:app"]) == ""
    told = advice("work-cut-short", ["uvicorn"], ["uvicorn", "app:app", "--timeout-graceful-shutdown", "1"])
    assert "--timeout-graceful-shutdown was over" in told


def test_a_worker_of_another_server_takes_no_options_of_its_own() -> None:
    argv = ["gunicorn", "-k", "uvicorn.workers.UvicornWorker", "app:app"]
    assert "uvicorn" not in advice("slow-task", ["gunicorn", "uvicorn"], argv)


def test_facts_come_in_the_order_of_the_chain_and_each_once() -> None:
    told = advice("slow-task", ["gunicorn", "uvicorn", "gunicorn", "starlette"], [])
    assert told.index("gunicorn") < told.index("uvicorn")
    assert told.count("--graceful-timeout") == 1


@pytest.mark.parametrize(
    ("argv", "server"),
    [
        (["/venv/bin/python", "-m", "uvicorn", "app:app"], "uvicorn"),
        (["python3.12", "-X", "dev", "-m", "celery.bin", "worker"], "celery"),
        (["/venv/bin/gunicorn", "app:app"], "gunicorn"),
        (["python", "/venv/bin/hypercorn", "app"], "hypercorn"),
        (["python", "-u", "worker.py"], "worker.py"),
        (["python", "-m"], None),
        ([], None),
    ],
)
def test_the_server_is_what_the_command_starts(argv: list[str], server: str | None) -> None:
    assert started_server(argv) == server


@pytest.mark.parametrize(
    ("argv", "environ", "seconds"),
    [
        (["gunicorn", "app"], {}, 30.0),
        (["gunicorn", "--graceful-timeout", "5", "app"], {}, 5.0),
        (["gunicorn", "--graceful-timeout=7", "app"], {}, 7.0),
        (["gunicorn", "app"], {"GUNICORN_CMD_ARGS": "-w 2 --graceful-timeout=4"}, 4.0),
        (["granian", "app"], {"GRANIAN_WORKERS_KILL_TIMEOUT": "3"}, 3.0),
        (["dramatiq", "tasks", "--worker-shutdown-timeout", "2000"], {}, 2.0),
        (["uvicorn", "app:app"], {}, None),
        (["uvicorn", "app:app"], {"UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "9"}, 9.0),
    ],
)
def test_a_servers_own_limit(argv: list[str], environ: dict[str, str], seconds: float | None) -> None:
    found = limit(argv, environ)
    assert found is not None and found.seconds == seconds


def test_an_inner_limit_must_be_the_shorter_one() -> None:
    assert nested(["gunicorn", "app"], 10.0) is not None
    assert nested(["gunicorn", "app"], 60.0) is None
    assert nested(["uvicorn", "app:app"], 10.0) is not None
    assert nested(["uvicorn", "app:app", "--timeout-graceful-shutdown", "8"], 10.0) is None
    assert nested(["gunicorn", "app"], None) is None
    assert nested(["python", "worker.py"], 10.0) is None


@pytest.mark.parametrize(
    "argv", [["gunicorn", "-c", "conf.py", "app"], ["granian", "--workers-kill-timeout", "30s", "app"]]
)
def test_what_only_a_file_or_another_grammar_says_is_not_guessed(argv: list[str]) -> None:
    assert limit(argv) is None
    assert nested(argv, 1.0) is None


@pytest.mark.parametrize(
    ("argv", "environ", "spared"),
    [
        (["celery", "-A", "app", "worker"], {}, True),
        (["celery", "-A", "app", "worker", "--pool=solo"], {}, False),
        (["celery", "-A", "app", "worker", "-P", "threads"], {}, False),
        (["celery", "-A", "app", "worker"], {"REMAP_SIGTERM": "SIGQUIT"}, False),
        (["hypercorn", "app"], {}, True),
        (["hypercorn", "-w", "0", "app"], {}, False),
        (["python", "-m", "dramatiq", "tasks"], {}, True),
    ],
)
def test_who_has_worker_processes_that_the_signal_is_not_for(
    argv: list[str], environ: dict[str, str], spared: bool
) -> None:
    assert (spares_children(argv, environ) is not None) is spared


def test_each_limit_and_each_spared_server_has_a_source() -> None:
    assert all(row.source for row in (*RULES, *SPARED))
    assert len({rule.server for rule in RULES}) == len(RULES)


def test_workers_of_task_queues_are_to_be_spared_the_groups_signal() -> None:
    argv = ("/venv/bin/celery", "-A", "app", "worker")
    assert spares_children(argv) == "celery"
    assert spares_children(("gunicorn", "app")) is None
    told = [found for found in findings(exited=0.2, argv=argv) if found.code == "stop-setup"]
    assert any("--child-only" in found.advice for found in told)
    assert all(found.severity == "note" for found in told)


def test_a_script_of_the_same_name_is_no_server() -> None:
    assert code(findings(exited=0.2, argv=("python3", "celery.py")), "stop-setup") is None


def test_a_library_on_the_chain_is_told_beside_the_advice() -> None:
    stack = [("/app/w.py", 5, "main"), ("/v/site-packages/asyncpg/pool.py", 232, "wait_until_released")]
    task: dict[str, Any] = {
        "task": 1, "name": "Task-1", "coro": "main", "at": stack[0], "leaf": stack[1], "stack": stack,
        "on": {"kind": "future"},
    }  # fmt: skip
    told = findings(
        message("snapshot", -0.01, reason="probe", first=True, tasks=[task], n_tasks=1),
        message("signal-received", 0.001, signal=15, kind="loop", name="stop"),
        message("task-waiting", 0.5, seconds=0.48, **task),
        exited=2.0, killed=True, grace=2.0,
    )  # fmt: skip
    assert "pool.terminate()" in told[0].advice


def test_the_servers_are_packages_and_none_is_a_plain_library() -> None:
    assert {"uvicorn", "gunicorn", "celery"} <= SERVERS
    assert not {"asyncpg", "redis", "requests"} & SERVERS
