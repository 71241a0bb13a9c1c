"""The parts by themselves: severity, places, source text around a line, dumps, waits, what is seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supervisor.agent.wire import AgentMessage
from supervisor.core import signum
from supervisor.core.record import AGENT_OFF, AgentFacts, Climb, Leftover, Marks, Masks, Sample, Shutdown
from supervisor.diagnosis import without_agent
from supervisor.diagnosis.evidence import dump, frames
from supervisor.diagnosis.evidence.gather import gather
from supervisor.diagnosis.evidence.model import Evidence
from supervisor.diagnosis.explain import explain
from supervisor.diagnosis.findings.case import Case
from tests.support.shutdowns import HANDLES_TERM, shutdown

if TYPE_CHECKING:
    from supervisor.core.record import Outcome, Severity


def ended(outcome: Outcome = "clean", grace: float | None = 10.0, exited: float = 2.0, **changes: Any) -> Shutdown:
    named: dict[str, Any] = {"argv": ("bash", "w.sh"), "grace": grace, "masks": HANDLES_TERM}
    return shutdown(outcome, exited, **named | changes)


def told(shutdown: Shutdown) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in explain(shutdown, [], lambda _f, _l: None).findings]


# ------------------------------------------------------------------ severity


@pytest.mark.parametrize(
    ("seconds", "grace", "new", "nobody", "expected"),
    [
        (0.5, 10.0, False, False, "note"),
        (4.9, 10.0, False, False, "note"),
        (5.05, 10.0, False, False, "note"),
        (5.1, 10.0, False, False, "warning"),
        (1.0, 2.0, False, False, "note"),
        (1.05, 2.0, False, False, "note"),
        (2.0, 10.0, True, False, "note"),
        (2.2, 10.0, True, False, "warning"),
        (2.2, 60.0, True, False, "warning"),
        (0.25, 1.0, True, False, "note"),
        (0.35, 1.0, True, False, "warning"),
        (60.0, None, False, False, "note"),
        (2.0, None, True, False, "note"),
        (2.2, None, True, False, "warning"),
        (0.1, 10.0, False, True, "warning"),
    ],
)
def test_severity_of_holding_the_exit(
    seconds: float, grace: float | None, new: bool, nobody: bool, expected: Severity
) -> None:
    case = Case(ended(grace=grace), Evidence(0.0, 7), {}, Marks(), (), [], lambda _f, _l: None)
    assert case.held(seconds, new, nobody=nobody) == expected


def test_what_sigkill_cut_short_is_an_error_only_when_it_held_to_the_end() -> None:
    case = Case(ended("killed", grace=2.0), Evidence(0.0, 7), {}, Marks(), (), [], lambda _f, _l: None)
    assert case.held(1.0, False, to_the_end=True) == "error"
    assert case.held(1.0, False, to_the_end=False) == "note"


def test_who_was_killed_before_its_grace_was_over_is_not_to_blame() -> None:
    """Somebody asked again: what it was doing is judged as if it had gone on."""
    hurried = ended("killed", grace=10.0, requests=2)
    case = Case(hurried, Evidence(0.0, 7), {}, Marks(), (), [], lambda _f, _l: None)
    assert hurried.hurried
    assert case.held(1.0, False, to_the_end=True) == "note"
    (killed,) = (
        finding for finding in explain(hurried, [], lambda _f, _l: None).findings if finding.code == "killed"
    )
    assert killed.severity == "warning"
    assert any("had not ended: the stop was requested 2 times" in line for line in killed.proof)


# ------------------------------------------------------------------ places


@pytest.mark.parametrize(
    ("file", "origin", "short"),
    [
        ("/app/worker.py", "user", "worker.py"),
        ("worker.py", "user", "worker.py"),
        ("/venv/lib/python3.12/site-packages/uvicorn/server.py", "library", "uvicorn/server.py"),
        ("/usr/lib/python3/dist-packages/apt/cache.py", "library", "apt/cache.py"),
        ("/usr/lib/python3.12/asyncio/tasks.py", "stdlib", "asyncio/tasks.py"),
        ("/opt/py/lib/python3.13t/asyncio/tasks.py", "stdlib", "asyncio/tasks.py"),
        ("<frozen runpy>", "stdlib", "<frozen runpy>"),
        ("/home/me/lib/python3-tools/x.py", "user", "x.py"),
    ],
)
def test_whose_code_a_file_is(file: str, origin: str, short: str) -> None:
    assert frames.origin(file) == origin
    assert frames.short(file) == short


def frame(file: str, line: int, function: str) -> frames.Frame:
    return frames.frame_of((file, line, function))


def test_the_users_frame_is_named_before_the_librarys() -> None:
    user, library = frame("/app/w.py", 3, "fetch"), frame("/v/site-packages/httpx/c.py", 9, "get")
    leaf = frame("/usr/lib/python3.12/asyncio/streams.py", 1, "read")
    assert frames.user_first(None, (user, library, leaf)) == user
    assert frames.user_first(None, (library, leaf)) == library
    assert frames.user_first(leaf, (leaf,)) == leaf


def test_a_module_that_only_started_a_library_is_not_named() -> None:
    entry, library = frame("/app/w.py", 3, "<module>"), frame("/v/site-packages/kombu/c.py", 9, "drain")
    assert frames.user_first(entry, (entry, library)) == library
    assert frames.user_first(entry, (entry,)) == entry


def test_a_relative_file_is_completed() -> None:
    where = frames.where(frame("w.py", 3, "f"), lambda file, line: f" {file}:{line} ", "/app/")
    assert where is not None and (where.file, where.source) == ("/app/w.py", "/app/w.py:3")


# ------------------------------------------------------------------ dumps

DUMP = """Thread 0x00007f (most recent call first):
  File "/app/w.py", line 21 in scan
  File "/usr/lib/python3.12/concurrent/futures/thread.py", line 58 in run

Current thread 0x00007e (most recent call first):
  File "/usr/lib/python3.12/threading.py", line 355 in wait
  File "/app/w.py", line 29 in main
  File "/app/w.py", line 34 in <module>
"""


def test_a_dump_names_the_thread_that_does_not_wait() -> None:
    stack, main = dump.culprit(DUMP) or ((), True)
    assert stack[-1] == frame("/app/w.py", 21, "scan") and not main


def test_a_dump_of_one_thread_is_the_main_threads() -> None:
    stack, main = dump.culprit('Stack (most recent call first):\n  File "/a/w.py", line 9 in match\n') or ((), False)
    assert stack == (frame("/a/w.py", 9, "match"),) and main


@pytest.mark.parametrize("text", ["", "garbage\n", '  File "x", line y in z\n', "Thread 0x1\n"])
def test_a_dump_that_is_none(text: str) -> None:
    assert dump.culprit(text) is None


# ------------------------------------------------------------------ gathering


def said(event: str, when: float, **fields: Any) -> AgentMessage:
    return AgentMessage(event, 100.0 + when, 7, fields=fields)


def test_a_sleep_that_outlives_its_end_is_a_poll() -> None:
    frame = ("/app/w.py", 3, "main")
    described = {"task": 1, "name": "Task-1", "at": frame, "leaf": frame}
    messages = [
        said("task-waiting", 0.05, seconds=0.05, on={"kind": "sleep", "due": 0.05}, **described),
        said("task-waiting", 0.40, seconds=0.40, on={"kind": "sleep", "due": 0.05}, **described),
    ]
    (wait,) = gather(messages, 100.0, 7).processes[7].tasks[1].waits
    assert wait.repeats and wait.start == pytest.approx(0.0)


def test_a_process_that_became_another_program_before_the_stop_is_not_evidence() -> None:
    messages = [said("hello", -2.0, python="3.12.1"), said("eof", -1.0, rejected=0, lost=0)]
    assert gather(messages, 100.0, 7).processes == {}


def test_a_main_process_that_lived_on_without_its_agent_became_another_program() -> None:
    messages = [said("hello", -0.3, python="3.12.1"), said("eof", -0.15, rejected=0, lost=0)]
    assert gather(messages, 100.0, 7, until=2.0).processes == {}
    assert list(gather(messages, 100.0, 7, until=0.1).processes) == [7]  # it was on its way out
    assert list(gather(messages, 100.0, 8, until=2.0).processes) == [7]  # a child may have ended before the stop


@pytest.mark.parametrize(
    ("by", "displaced"), [("/app/w.py", True), ("/usr/lib/python3.12/asyncio/runners.py", False)]
)
def test_a_handler_is_the_programs_own_by_who_installed_it(by: str, displaced: bool) -> None:
    first = {"signal": 15, "kind": "python", "name": "Event.set", "by": (by, 9, "main"),
             "at": ("/usr/lib/python3.12/asyncio/locks.py", 181, "set")}  # fmt: skip
    second = {"signal": 15, "kind": "python", "name": "Sdk.stop", "by": ("/app/w.py", 20, "start"), "at": None}
    messages = [
        said("hello", -1.0, python="3.12.1"),
        said("snapshot", -0.01, reason="probe", first=True, handlers=[second], displaced=[first]),
        said("signal-received", 0.01, signal=15, kind="loop", name="_sighandler_noop"),
        said("signal-callback", 0.01, signal=15, kind="loop", name="Sdk.stop"),
    ]
    codes = [finding.code for finding in explain(ended("killed"), messages, lambda _f, _l: None).findings]
    assert ("handler-displaced" in codes) is displaced


def test_an_instant_after_the_exit_counts_as_the_exit() -> None:
    evidence = gather([said("phase", 50.0, name="finalize")], 100.0, 7, until=2.0)
    assert evidence.processes[7].phases[0].at == 2.0


def test_silence_of_an_agent_that_failed_proves_nothing() -> None:
    messages = [said("hello", -1.0, python="3.12.1"), said("agent-error", -0.5, where="probe", error="oops")]
    shutdown = ended("killed", masks=Masks(1 << 14, 0, 0))
    told_of = explain(shutdown, messages, lambda _f, _l: None)
    assert "handler-not-run" not in {finding.code for finding in told_of.findings}
    assert told_of.agent.reason is not None and "oops" in told_of.agent.reason


def test_silence_of_an_agent_until_sigkill_is_told() -> None:
    messages = [said("hello", -1.0, python="3.12.1")]
    assert explain(ended("killed"), messages, lambda _f, _l: None).findings[0].code == "handler-not-run"
    assert explain(ended(), messages, lambda _f, _l: None).findings == ()


def test_lost_messages_are_counted() -> None:
    messages = [said("hello", 0.1), said("eof", 0.2, rejected=2, lost=3)]
    assert explain(ended(exited=0.3), messages, lambda _f, _l: None).agent == AgentFacts(True, dropped=5)


# ------------------------------------------------------------------ without an agent


def sample(at: float, **seen: Any) -> Sample:
    fields: dict[str, Any] = {"at": at, "state": "S", "cpu": 0.0, "threads": 1}
    return Sample(**(fields | seen))


def test_an_ignored_signal_is_an_error_when_sigkill_was_needed() -> None:
    assert told(ended("killed", masks=Masks(0, 1 << 14, 0)))[0] == ("signal-ignored", "error")


@pytest.mark.parametrize(
    ("asked", "ignored", "advice"),
    [
        (signum.TERM, {signum.TERM}, 'or send INT: run --rewrite SIGTERM:INT, in a config stop.signal = "INT"'),
        (signum.TERM, {signum.TERM, signum.INT}, "or send QUIT: run --rewrite SIGTERM:QUIT"),
        (signum.INT, {signum.INT}, "--keep-ignored leaves it so), or send TERM: run --rewrite SIGINT:TERM"),
        (signum.TERM, {signum.TERM, signum.INT, signum.QUIT}, "only SIGKILL is left"),
    ],
)
def test_the_other_signal_is_one_that_is_not_ignored(asked: int, ignored: set[int], advice: str) -> None:
    masks = Masks(0, sum(1 << (number - 1) for number in ignored), 0)
    rungs = (Climb(0.0, asked, "group"), Climb(1.0, signum.KILL, "group"))
    found = explain(ended("killed", masks=masks, escalation=rungs), (), lambda *_: None).findings
    assert found[0].code == "signal-ignored" and advice in found[0].advice


def test_nobody_is_told_to_handle_sigkill() -> None:
    rungs = (Climb(0.0, signum.KILL, "group"),)
    killed = ended("killed", masks=Masks(0, 0, 0), signal=signum.KILL, exit_code=None, escalation=rungs)
    assert "no-signal-handler" not in {code for code, _ in told(killed)}, told(killed)


def test_a_blocked_signal_that_a_later_rung_made_up_for_is_a_warning() -> None:
    rungs = (Climb(0.0, 15, "group"), Climb(1.0, 2, "group"))
    assert told(ended(masks=Masks(0, 0, 1 << 14), escalation=rungs))[0] == ("signal-ignored", "warning")


def test_death_by_the_default_action_of_an_unknown_program_is_a_note() -> None:
    shutdown = ended("signalled", masks=Masks(0, 0, 0), signal=15, exit_code=None, exited=0.002)
    assert told(shutdown)[0] == ("no-signal-handler", "note")


def test_it_is_a_warning_when_connections_were_open() -> None:
    shutdown = ended("signalled", masks=Masks(0, 0, 0), signal=15, samples=(sample(0.0, connections=3),))
    assert told(shutdown)[0] == ("no-signal-handler", "warning")


def test_a_write_that_is_stuck() -> None:
    looks = tuple(sample(at, syscall="write") for at in (0.02, 0.5, 1.5))
    assert told(ended("killed", samples=looks))[0] == ("output-blocked", "error")


def test_a_shell_that_waits_for_its_command() -> None:
    looks = tuple(sample(at, syscall="wait4", children=1) for at in (0.02, 0.5, 1.5))
    assert ("waits-for-child", "note") in told(ended(samples=looks))


def test_a_killed_shell_may_have_waited_for_one_child_after_another() -> None:
    looks = tuple(sample(at, syscall="wait4", children=1) for at in (0.02, 0.5, 1.5))
    assert "waits-for-child" not in dict(told(ended("killed", samples=looks)))


def test_the_reason_for_no_agent_is_given() -> None:
    shutdown = ended(argv=("/usr/bin/python3", "-I", "w.py"))
    finding = explain(shutdown, [], lambda _f, _l: None).findings[0]
    assert finding.code == "no-agent" and "-I" in finding.title
    assert explain(shutdown, [], lambda _f, _l: None).agent.present is False


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (("python3", "-Es", "w.py"), "-E"),
        (("python3", "-W", "error", "-S"), "not load"),
        (("python3", "w.py", "-I"), "not load"),
        (("node", "w.js"), "not a Python"),
    ],
)
def test_reasons(argv: tuple[str, ...], word: str) -> None:
    assert word in (without_agent.reason(ended(argv=argv), AgentFacts(False)) or "")


def test_computing_and_waiting_are_told_apart() -> None:
    looks = (sample(0.02, cpu=0.0), sample(0.5, cpu=0.45), sample(1.5, cpu=0.45, syscall="poll"))
    path = explain(ended(samples=looks, exited=1.6), [], lambda _f, _l: None).critical_path
    assert [stretch.what for stretch in path][1:3] == ["computing", "system call poll"]
    assert sum(stretch.seconds for stretch in path) <= 1.6 + 1e-9


def test_what_was_seen_while_it_stopped() -> None:
    looks = (
        sample(0.02, listening=("127.0.0.1:80",), connections=3),
        sample(0.5, listening=(), connections=1),
    )
    lines = without_agent.observations(ended(samples=looks))
    assert any("stopped listening on 127.0.0.1:80" in line for line in lines)
    assert any("3 at" in line and "1 at" in line for line in lines)


def test_leftovers_that_had_to_be_killed_are_an_error() -> None:
    left = (Leftover(9, ("sleep", "300"), "killed"),)
    assert told(ended(leftovers=left))[0] == ("leaked-children", "error")


def test_multiprocessings_own_helper_is_no_leftover() -> None:
    helper = ("python", "-c", "from multiprocessing.resource_tracker import main;main(5)")
    assert "leaked-children" not in dict(told(ended(leftovers=(Leftover(9, helper, "killed"),))))


def test_a_pools_child_that_died_of_the_groups_signal_lost_its_job() -> None:
    job, pool = (
        ("/app/w.py", 9, "factor"),
        ("/usr/lib/python3.12/concurrent/futures/process.py", 263, "_process_worker"),
    )
    thread = {"thread": 1, "name": "MainThread", "main": True, "state": "busy", "at": job, "leaf": job}
    child: list[tuple[str, float, dict[str, Any]]] = [
        ("hello", -1.0, {"python": "3.12.1", "ppid": 7}),
        ("snapshot", -0.01, {"first": True, "handlers": [{"signal": 15, "kind": "default"}],
                             "threads": [thread | {"stack": [pool, job]}], "tasks": []}),
        ("eof", 0.002, {"rejected": 0, "lost": 0}),
    ]  # fmt: skip
    messages = [AgentMessage(event, 100.0 + when, 8, fields=fields) for event, when, fields in child]
    messages += [said("hello", -1.0, python="3.12.1"), said("phase", 1.9, name="finalize")]
    found = next(f for f in explain(ended(), messages, lambda _f, _l: None).findings if f.code == "no-signal-handler")
    assert found.severity == "warning" and "factor() under way" in found.title and "--child-only" in found.advice


def test_what_the_main_process_left_is_not_charged_to_it() -> None:
    """SIGKILL was for a leftover: the main process had gone long before."""
    marks = Marks(asked=0.0, main_exited=0.1, killed=2.0, exited=2.01)
    messages = [
        AgentMessage("hello", 99.0, 7, fields={"python": "3.12.1"}),
        AgentMessage("phase", 100.05, 7, fields={"name": "finalize"}),
    ]
    one = ended(marks=marks, leftovers=(Leftover(9, ("sleep",), "killed"),))
    told = explain(one, messages, lambda _f, _l: None)
    assert [(span.name, span.end) for span in told.phases[-2:]] == [("finalize", 0.1), ("leftovers", 2.01)]
    assert max(told.critical_path, key=lambda part: part.seconds).what == "leftovers"


def test_that_the_agent_was_switched_off_is_no_news() -> None:
    one = ended(argv=("python3", "w.py"), agent=AgentFacts(False, reason=AGENT_OFF))
    told = explain(one, [], lambda _f, _l: None)
    assert told.agent.reason == AGENT_OFF and "no-agent" not in [finding.code for finding in told.findings]
