"""What is said about the command line itself: help, mistakes, the ways to call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.cli.app import app
from supervisor.cli.measuring import COMPARE, DRILL, HISTORY, RECORDED
from supervisor.cli.options import RUN, STATUS, STOP, TOP, UP
from supervisor.core import ladder
from supervisor.core.spec import ExecSpec, StopSpec, WorkerSpec
from supervisor.errors import UsageError
from supervisor.runs.plan import choose
from tests.support.processes import PATIENCE, SUPERVISOR, WORKERS

COMMANDS = [one.callback.__name__ for one in app.registered_commands if one.callback is not None]
TABLES = {
    "run": RUN, "up": UP, "status": STATUS, "stop": STOP, "top": TOP, "drill": DRILL, "history": HISTORY,
    "report": RECORDED, "compare": COMPARE,
}  # fmt: skip


def say(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    plain = {
        key: value for key, value in os.environ.items() if not key.startswith("SIGDRAIN_") or key.endswith("_HISTORY")
    }
    return subprocess.run(
        [SUPERVISOR, *arguments],
        env=plain | {"COLUMNS": "100", "NO_COLOR": "1"} | env,
        capture_output=True, text=True, timeout=PATIENCE, cwd=cwd, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name: str) -> None:
    """Equal with all versions of typer that we allow, which write usage lines and types each in their own way."""
    shown = say(name, "-h")
    assert (shown.returncode, shown.stderr) == (0, "")
    usage = re.search(r"Usage: supervisor \w+ \[OPTIONS\](.*)", shown.stdout)
    assert usage is not None
    known: tuple[str, ...] = (
        "",
        "[--] CMD...",
        "[--] CMD... | -c FILE [NAME]...",
        "[NAME]...",
        "[FILE]",
        "[FILE] [-- CMD...]",
        "PID",
        "RUN",
    )
    known += ("[export | merge FILE... | prune]", "BEFORE AFTER")
    assert usage[1].strip() in known
    assert not re.search(r"<\w+>|\[\[|\bwords\b|\{", shown.stdout)
    for option in TABLES.get(name, ()):
        assert option.hidden != (option.names[-1] in shown.stdout), option.names
        if option.hidden:
            continue
        default = option.shown or option.default
        assert all(spelling in shown.stdout for spelling in option.names)
        assert default is None or default in " ".join(re.sub("[│\n]", " ", shown.stdout).split()), option.names


def test_a_report_that_will_fail_is_foretold_and_the_command_runs() -> None:
    done = say("run", "--report", "/nonexistent/r.json", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    assert done.stderr.startswith("supervisor: --report /nonexistent/r.json cannot be written: No such file")
    assert "exited with 3" in done.stderr


def test_help_without_a_command() -> None:
    shown, asked = say(), say("-h")
    assert shown.returncode == 2 and asked.returncode == 0
    assert shown.stdout == asked.stdout
    assert all(name in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "python3 worker.py -v",
            "there is no command 'python3'",
            "to run a program: supervisor run -- python3 worker.py -v",
        ),
        ("/bin/sh -c x", "there is no command '/bin/sh'", "to run a program: supervisor run -- /bin/sh -c x"),
        (f"{WORKERS}/keys.py a", "there is no command ", f"supervisor run -- python3 {WORKERS}/keys.py a"),
        ("stats --json", "there is no command 'stats'", "did you mean: supervisor status --json"),
        ("xyzzy", "there is no command 'xyzzy'", "commands are: run, up, "),
        ("run", "no command to run", "as in: supervisor run -- python worker.py"),
        ("run --bogus", "no such option: --bogus", "see: supervisor run -h"),
        ("run --repot x -- true", "no such option: --repot", "did you mean: --report"),
        ("run -g", "option '-g' requires an argument", "see: supervisor run -h"),
        ("--bogus", "no such option: --bogus", "see: supervisor -h"),
        ("run --color x -- true", "invalid value for '--color'", "see: supervisor run -h"),
        ("status extra", "got unexpected extra argument", "see: supervisor status -h"),
        ("explain", "missing argument 'PID'", "see: supervisor explain -h"),
        ("explain 0", "'0' is not a process ID", "see: supervisor explain -h"),
        ("run --grace x -- true", "--grace x: not a duration", "write seconds"),
        ("run --grace 1e300 -- true", "--grace 1e300: not a duration of at most 366 days", "--escalation none"),
        ("run --rewrite TERM:FOO -- true", "--rewrite TERM:FOO: 'FOO' is not a signal", "TERM:INT"),
        ("run --rewrite TERM:INT --rewrite TERM:QUIT -- true", "SIGTERM has another target already", "give one of"),
        ("run --rewrite TERM -- true", "--rewrite TERM: it is not FROM:TO", "as in TERM:INT"),
        ("init shop.json", "'shop.json' is no name of a TOML file", "ends in .toml"),
        ("init pyproject.toml", "'pyproject.toml' is no name of a TOML file", "ends in .toml"),
        ("explain 1 --for 0", "0 is not a duration above 0 of at most 60 seconds", "see: supervisor explain -h"),
        ("explain 99999999", "'99999999' is not a process ID, a whole number from 1 to", "supervisor explain -h"),
        ("run --escalation TERM/-1/KILL -- true", "has a negative wait at '-1'", "as in TERM/10/INT/5/KILL"),
    ],
)
def test_a_mistake(line: str, message: str, hint: str) -> None:
    """All look alike, wherever they were found."""
    found = say(*line.split())
    assert (found.returncode, found.stdout) == (2, "")
    first, second = found.stderr.splitlines()
    assert first.startswith("supervisor: ") and message in first
    assert second.startswith("hint: ") and hint in second


@pytest.mark.parametrize(
    "line",
    [
        "explain {}",
        "run --grace {} -- true",
        "run --escalation {} -- true",
        "run -r {}:1 -- true",
        "run --stop-signal {} -- true",
    ],
)
def test_a_number_that_no_number_can_be(line: str) -> None:
    found = say(*line.format("9" * 5000).split())
    assert found.returncode == 2
    assert found.stderr.startswith("supervisor: ") and "Traceback" not in found.stderr


def test_as_a_module() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "supervisor", "run", "--", "echo", "it runs"],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "it runs\n", "")
    version = subprocess.run(
        [sys.executable, "-m", "supervisor", "--version"], capture_output=True, text=True, check=False
    )
    assert version.stdout == say("--version").stdout


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SIGDRAIN_GRACEE", "3", "did you mean SIGDRAIN_GRACE?"),
        ("SIGDRAIN_STOPSIGNAL", "INT", "did you mean SIGDRAIN_STOP_SIGNAL?"),
        # Somebody else's: an image's own, Kubernetes' for a service of that name.
        ("SIGDRAIN_VERSION", "1", ""),
        ("SIGDRAIN_PORT", "tcp://10.0.0.1:80", ""),
        ("SIGDRAIN_PORT_80_TCP_PROTO", "tcp", ""),
        ("SIGDRAIN_SERVICE_HOST", "10.0.0.1", ""),
    ],
)
def test_a_variable_that_was_meant_as_an_option_is_told_once(name: str, value: str, told: str) -> None:
    found = say("run", "--", "true", cwd=None, **{name: value})
    assert found.returncode == 0
    assert found.stderr == (f"supervisor: the variable {name} means nothing, {told}\n" if told else "")
    assert say("run", "-q", "--", "true", cwd=None, **{name: value}).stderr == ""


def test_a_flags_variable_says_yes_or_no() -> None:
    found = say("run", "--", "true", SIGDRAIN_VERBOSE="maybe")
    assert found.returncode == 2
    assert found.stderr.splitlines() == [
        "supervisor: SIGDRAIN_VERBOSE is 'maybe', which says neither yes nor no",
        "hint: set it to 1 or 0, or unset it",
    ]


def test_help_says_how_a_fleet_exits_and_whether_stop_waits() -> None:
    text = {name: " ".join(say(name, "-h").stdout.split()) for name in ("up", "stop")}
    assert "Exits with 0 if each ended as wanted, else with the exit code of the first that failed" in text["up"]
    assert "Returns at once, before they have ended" in text["stop"] and "1 if the fleet does not run" in text["stop"]
    assert "Print the report as JSON on stdout" in text["up"]


EARLY = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have it ignored
where = sys.argv[1]
class Struck:
    left = int(where) if where.isdecimal() else 0
    def find_spec(self, name, path=None, target=None):
        self.left -= 1
        if name == where or self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Struck())
sys.argv = ["supervisor", *sys.argv[2:]]
from supervisor._sigdrain_entry import main
sys.exit(main())
"""


@pytest.mark.parametrize("where", ["supervisor.entry", "supervisor.cli.options", "supervisor.config.load", "typer"])
def test_ctrl_c_in_the_first_instants(where: str, tmp_path: Path) -> None:
    """It ends of the signal, as any program does that handles none; no traceback, and nothing was started."""
    (tmp_path / "supervisor.toml").write_text('[worker.w]\ncommand = ["touch", "ran"]\n')
    line = ["check"] if where == "typer" else ["up"]
    found = subprocess.run(
        [sys.executable, "-c", EARLY, where, *line],
        capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout, found.stderr) == (-signal.SIGINT, "", "")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("line", ["run -- sleep 100", "up"])
@pytest.mark.parametrize("place", range(3, 80, 6))
def test_ctrl_c_at_every_so_many_imports(place: int, line: str, tmp_path: Path) -> None:
    """From our first line on no Ctrl-C is lost, and none makes a traceback: before anything was started we die of it,
    afterwards the command does, and a fleet is stopped.
    """
    (tmp_path / "supervisor.toml").write_text('[worker.w]\ncommand = ["sleep", "100"]\n')
    found = subprocess.run(
        [sys.executable, "-c", EARLY, str(place), *line.split()],
        capture_output=True, text=True, timeout=PATIENCE, cwd=tmp_path, check=False,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode in ((-signal.SIGINT,) if line != "up" else (-signal.SIGINT, 0))
    assert "Traceback" not in found.stderr and "KeyboardInterrupt" not in found.stderr


def test_ctrl_c_that_was_ignored_stays_ignored() -> None:
    """As in a job that a shell without job control started with `&`."""
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    script = f"trap '' INT; exec {sys.executable} -c 'import supervisor._sigdrain_entry; {code}'"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == "True\n"


def test_a_working_folder_that_was_deleted(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text('[worker.w]\ncommand = ["echo", "up"]\nrestart = "never"\ncwd = "."\n')
    commands = (
        "up -q", f"up -q -c {tmp_path}/supervisor.toml", f"check {tmp_path}/supervisor.toml", "check",
        "run -- echo run", f"status -c {tmp_path}/supervisor.toml", "status",
    )  # fmt: skip
    found = []
    env = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    for command in commands:
        (tmp_path / "gone").mkdir()
        script = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && exec {SUPERVISOR} {command}"
        done = subprocess.run(
            ["sh", "-c", script], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert "Traceback" not in done.stderr
        found.append((done.returncode, done.stdout.split("|")[-1].strip()))
    *found, status = found
    assert found == [
        (2, ""), (0, "up"), (0, f"{tmp_path}/supervisor.toml: no problems, 1 worker"), (2, ""), (0, "run"), (1, ""),
    ]  # fmt: skip
    # Where no config is near, it tells of another fleet of this user, if one runs.
    assert status[0] == say("status", cwd=Path("/"), XDG_RUNTIME_DIR=str(tmp_path)).returncode


@pytest.mark.parametrize(
    ("instances", "known"),
    [(2, "web.1, web.2, mail"), (20, "web.1 to web.20, mail")],
)
def test_a_worker_that_is_not_there_is_told_with_those_that_are(instances: int, known: str) -> None:
    run, stop = ExecSpec(("x",)), StopSpec(ladder.parse("none"))
    workers = [WorkerSpec("web", run, stop, number + 1) for number in range(instances)]
    workers.append(WorkerSpec("mail", run, stop))
    with pytest.raises(UsageError, match=r"no worker is named 'web\.77'") as caught:
        choose(["web.77"], workers, "the fleet")
    assert caught.value.hint == f"the fleet has: {known}"


def test_what_we_tell_to_do_exists() -> None:
    """A hint, a message or a page that names a command names one of ours."""
    root = Path(__file__).parents[2]
    pages = [*(root / "supervisor").rglob("*.py"), *(root / "docs").glob("*.md"), root / "README.md"]
    told = {
        (word, page.name)
        for page in pages
        for word in re.findall(r"(?:`|: )(?:supervisor|sigdrain) ([a-z]+)", page.read_text())
    }
    assert len(told) > 20
    assert {(word, page) for word, page in told if word not in COMMANDS} == set()
