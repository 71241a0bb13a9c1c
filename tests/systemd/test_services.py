"""`run` as ExecStart= of a real systemd: start, status, stop, time limits, watchdog, reload, exit status, journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.processes import SUPERVISOR
from tests.systemd.service import SPEAKS, STUBBORN, Service

if TYPE_CHECKING:
    from tests.support.systemd import Bed


@pytest.mark.parametrize("kind", ["exec", "notify"])
def test_start_status_and_stop(bed: Bed, kind: str) -> None:
    service = Service(bed, f"--ready started -- {SPEAKS} say:STATUS=serving", Type=kind).started()
    assert (service.show("ActiveState"), service.show("SubState")) == ("active", "running")
    service.until("StatusText", "serving")
    assert "supervisor run" in bed("systemctl", "status", service.name)
    assert service.systemctl("stop") == 0
    assert (service.result, service.show("ActiveState")) == ("success", "inactive")


@pytest.mark.parametrize(
    ("kind", "run", "start"),
    [
        ("exec", "-- /nonexistent", 0),
        ("notify", "-- /nonexistent", 1),
        ("notify", "--ready started -- sh -c 'exit 3'", 0),
    ],
)
def test_a_command_that_fails(bed: Bed, kind: str, run: str, start: int) -> None:
    service = Service(bed, run, Type=kind)
    assert service.systemctl("start") == start
    service.until("ActiveState", "failed")
    assert (service.result, service.show("ExecMainStatus")) == ("exit-code", "3" if "sh" in run else "127")


def test_systemctl_status_shows_what_a_drain_waits_for(bed: Bed) -> None:
    service = Service(bed, f"--ready started --grace 30 -- {STUBBORN}").started()
    service.logged("ready")
    stop = service.begin("stop")
    service.until("StatusText", "draining: main thread busy at stubborn.py:18")
    status = bed("systemctl", "status", service.name, check=False)
    (line,) = [line for line in status.splitlines() if "Status:" in line]
    assert "draining: main thread busy at stubborn.py:18" in line and "SIGKILL in" in line
    assert service.show("ActiveState") == "deactivating"
    service.kill("KILL", "all")
    stop.wait(30)


def test_a_stop_takes_as_long_as_the_escalation_says_and_not_only_as_the_unit(bed: Bed) -> None:
    """TimeoutStopSec=2 and a drain of 3.5 s: extended, it ends well; with --extend off systemd kills it."""
    drain = f"-- {SPEAKS} say:READY=1 term sleep:3.5"
    extended = Service(bed, f"--grace 9 {drain}", TimeoutStopSec=2).started()
    alone = Service(bed, f"--grace 9 --extend off {drain}", TimeoutStopSec=2).started()
    exec_ = Service(bed, f"--ready started --grace 9 {drain}", Type="exec", TimeoutStopSec=2).started()
    exec_.until("StatusText", "running")
    stops = [service.begin("stop") for service in (extended, alone, exec_)]
    for stop in stops:
        stop.wait(30)
    assert (extended.result, exec_.result) == ("success", "success")
    assert alone.result == "timeout"


def test_a_stop_that_nobody_asked_systemd_for_is_extended_as_well(bed: Bed) -> None:
    """STOPPING=1 begins systemd's own limit: only together with the extension it is none."""
    service = Service(bed, f"--grace 9 -- {SPEAKS} say:READY=1 term sleep:3.5", TimeoutStopSec=2).started()
    service.kill("TERM")
    service.until("ActiveState", "inactive")
    assert service.result == "success"


def test_a_command_that_asks_for_more_time_gets_it_from_us_and_from_systemd(bed: Bed) -> None:
    more = "say:STOPPING=1|EXTEND_TIMEOUT_USEC=4000000"
    service = Service(bed, f"--grace 2 -- {SPEAKS} say:READY=1 term {more} sleep:3", TimeoutStopSec=2).started()
    assert service.systemctl("stop") == 0
    assert service.result == "success"


def test_beyond_the_escalation_it_is_killed_by_us_and_told(bed: Bed) -> None:
    service = Service(bed, f"--ready started --grace 0.5 -- {STUBBORN}", TimeoutStopSec=20).started()
    service.logged("ready")
    assert service.systemctl("stop") == 0
    assert service.result == "signal" and service.show("ExecMainStatus") == "9", "we die as the command did"
    assert "had to be killed (SIGKILL)" in service.logged("main-thread-busy")


def test_a_start_waits_for_the_word_of_the_command(bed: Bed) -> None:
    service = Service(bed, f"-- {SPEAKS} sleep:0.7 say:READY=1|STATUS=warm|MAINPID=1")
    start = service.begin("start")
    service.until("StatusText", "starting")
    assert service.show("ActiveState") == "activating"
    assert start.wait(30) == 0
    assert service.show("ActiveState") == "active"
    service.until("StatusText", "warm")
    main = service.show("MainPID")
    assert service.systemctl("stop") == 0
    assert service.result == "success" and main != "1"


@pytest.mark.outside  # it takes the 10 s after which it is told
def test_a_command_without_a_word_is_not_started_for_systemd_and_told_why(bed: Bed) -> None:
    service = Service(bed, "-- sleep 60", TimeoutStartSec=11)
    assert service.systemctl("start") == 1
    assert service.result == "timeout"
    service.logged("the command has not sent READY=1; if it does not speak sd_notify: --ready started")


def test_the_tool_of_systemd_through_us(bed: Bed) -> None:
    """`systemd-notify` waits for its BARRIER until systemd itself has closed it."""
    service = Service(bed, "-- sh -c 'systemd-notify --ready --status=tool && echo told && exec sleep 60'")
    assert service.systemctl("start") == 0
    service.logged("told")
    service.until("StatusText", "tool")
    assert service.systemctl("stop") == 0


def test_the_watchdog_sees_us_hang(bed: Bed) -> None:
    service = Service(bed, "--ready started -- sleep 60", WatchdogSec="2", TimeoutAbortSec="1").started()
    heard: set[str] = set()
    while len(heard) < 3:  # signs of life
        heard.add(service.show("WatchdogTimestampMonotonic"))
    assert service.show("ActiveState") == "active"
    service.kill("STOP")
    service.until("ActiveState", "failed")
    assert service.result == "watchdog"


def test_the_watchdog_sees_the_command_hang(bed: Bed) -> None:
    """It has sent WATCHDOG=1 for a while, and does not any more."""
    hangs = f"-- {SPEAKS} say:READY=1|WATCHDOG=1 sleep:0.3 say:WATCHDOG=1 print:WATCHDOG_USEC"
    goes_on = Service(bed, f"-- {SPEAKS} say:READY=1 ping:0.2", WatchdogSec="2").started()
    service = Service(bed, hangs, WatchdogSec="2", TimeoutAbortSec="3").started()
    service.logged("WATCHDOG_USEC 2000000")
    service.until("ActiveState", "failed")
    assert service.result == "watchdog"
    assert goes_on.show("ActiveState") == "active"
    assert goes_on.systemctl("stop") == 0 and goes_on.result == "success"


def test_a_reload_is_passed_on_and_systemd_waits_for_it(bed: Bed) -> None:
    code = "while True: print('reloaded', signal.sigwaitinfo({1}).si_signo, flush=True)"
    python = SPEAKS.split()[0]
    command = f"{python} -c \"import signal; signal.pthread_sigmask(0, {{1}}); print('up', flush=True)\\n{code}\""
    service = Service(
        bed, f"--ready started --reload-signal HUP -- {command}", ExecReload="kill -HUP $MAINPID"
    ).started()
    service.logged("up")  # before that SIGHUP would end it
    main = service.show("MainPID")
    assert service.systemctl("reload") == 0
    service.logged("reloaded 1")
    service.until("ActiveState", "active")
    assert service.show("MainPID") == main
    assert service.systemctl("stop") == 0 and service.result == "success"


def test_exit_status(bed: Bed) -> None:
    """As without us: systemd counts death by SIGTERM as clean, and a code as a code."""
    # systemd forgets a unit that has ended well, and its status with it.
    shells = {"exit 3": ("exit-code", "3"), "kill -TERM $$$$": ("success", "0"), "kill -SEGV $$$$": ("signal", "11")}
    for script, (result, status) in shells.items():
        service = Service(bed, f"--ready started -- sh -c '{script}'")
        service.systemctl("start")
        service.until("SubState", "dead" if result == "success" else "failed")
        assert (service.result, service.show("ExecMainStatus")) == (result, status), script


def test_a_fleet(bed: Bed) -> None:
    bed.write("/srv/fleet/supervisor.toml", (
        '[fleet]\nname = "beds"\n'
        '[worker.fast]\ncommand = ["sleep", "60"]\n'
        f'[worker.slow]\ncommand = {json.dumps([*SPEAKS.split(), "sleep:0.5", "term", "wait:/run/may-end"])}\n'
        "stop.grace = 60\n"
        '[worker.gone]\ncommand = ["false"]\nrestart = "never"\n'
    ))  # fmt: skip
    service = Service(bed, command=f"{SUPERVISOR} up -c /srv/fleet/supervisor.toml", TimeoutStopSec=2).started()
    service.until("StatusText", "2 of 3 running; failed: gone")
    stop = service.begin("stop")
    service.until("StatusText", "draining 2/3: slow")
    bed.write("/run/may-end", "")
    assert stop.wait(30) == 0
    assert service.result == "exit-code", "gone has failed, and that is the fleet's failure"


def test_the_journal_has_priorities(bed: Bed) -> None:
    """Ours by what we say; a worker's own in front of its name; and no colours."""
    bed.write(
        "/srv/prio/supervisor.toml",
        "[fleet]\nname = 'prio'\n[worker.a]\ncommand = ['sh', '-c', 'echo plain; echo \"<3>bad\" >&2; sleep 60']\n",
    )
    service = Service(bed, command=f"{SUPERVISOR} up -v -c /srv/prio/supervisor.toml").started()
    service.logged("bad")
    failing = Service(bed, "-- /nonexistent")
    failing.systemctl("start")
    failing.logged("cannot start")

    def priorities(name: str) -> dict[str, str]:
        lines = bed.journal(name, "--output", "json").splitlines()
        return {entry["MESSAGE"]: entry["PRIORITY"] for entry in map(json.loads, lines)}

    found = priorities(service.name)
    assert (found["a          | plain"], found["a          | bad"]) == ("6", "3")
    assert next(value for text, value in found.items() if "started a (pid" in text) == "5"
    told = priorities(failing.name)
    assert next(value for text, value in told.items() if "cannot start" in text) == "3"
    service.systemctl("stop")


def told_by(bed: Bed, mode: str, folder: str) -> tuple[list[str], str]:
    """Stop a service of this KillMode: whom SIGTERM went to by the report, and what was said at the start."""
    report = f"/run/{folder}-{mode}.json"
    command = f"--ready started --report {report} -- {SPEAKS} print:X term sleep:0.3"
    service = Service(bed, command, KillMode=mode, TimeoutStopSec=20).started()
    service.logged("X None")
    if mode == "control-group":
        service.logged("KillMode=mixed")
    said = bed.journal(service.name)
    assert service.systemctl("stop") == 0
    assert service.result == "success"
    (ended,) = json.loads(bed("cat", report))["shutdowns"]
    return [climb["target"] for climb in ended["escalation"]], said


def test_kill_mode(bed: Bed) -> None:
    """With control-group systemd has signalled everybody: it is not done twice, and told with the remedy."""
    targets, said = told_by(bed, "control-group", "kill")
    assert targets == ["systemd"]
    assert "with KillMode=control-group systemd signals every process itself, beside us. Set KillMode=mixed" in said
    targets, said = told_by(bed, "mixed", "kill")
    assert targets == ["group"] and "KillMode" not in said


def test_a_limit_that_is_shorter_than_the_escalation_is_told_at_the_start(bed: Bed) -> None:
    short: dict[str, Any] = {"NotifyAccess": "none", "Type": "exec", "TimeoutStopSec": 5}
    service = Service(bed, "-- sleep 60", **short).started()
    service.logged(
        "systemd ends this unit 5.00 s after its stop (TimeoutStopUSec), but our last SIGKILL comes after 10.0 s"
    )
    silent = Service(bed, "-q -- sleep 60", **short).started()
    extended = Service(bed, "--ready started -- sleep 60", TimeoutStopSec=5).started()
    for one in (service, silent, extended):
        assert one.systemctl("stop") == 0
    assert "TimeoutStopUSec" not in bed.journal(silent.name) + bed.journal(extended.name)
