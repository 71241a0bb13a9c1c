"""What Tab offers: commands, options, choices, names of what runs. Asked as the shells ask, and by bash itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from supervisor.cli.app import app
from supervisor.cli.complete import COMMANDS, candidates, complete
from tests.support.processes import PATIENCE, SUPERVISOR
from tests.up.fleet import NAME, Up, environment

TYPERS = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has them
CONFIG = '[worker.api]\ncommand = "sleep 600"\ninstances = 2\n[worker.mail]\ncommand = "sleep 600"\n'


def offered(line: str) -> list[str]:
    """The last word of the line is being typed."""
    *words, begun = line.split(" ")
    return [value for value, _ in candidates(words, begun) if value.startswith(begun)]


def test_the_commands_and_options_are_those_of_typer() -> None:
    """Completion has a table of its own, because loading typer takes too long."""
    assert list(COMMANDS) == list(TYPERS)
    for name, (table, _) in COMMANDS.items():
        ours = {spelling for option in table for spelling in option.names} | {"-h", "--help"}
        theirs = {spelling for parameter in TYPERS[name].params for spelling in parameter.opts if spelling[0] == "-"}
        assert ours == theirs | {"-h", "--help"}, name
        flags = {option.names[-1] for option in table if option.flag}
        assert flags == {
            parameter.opts[-1] for parameter in TYPERS[name].params
            if getattr(parameter, "is_flag", False) and parameter.name != "help"
        }, name  # fmt: skip


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("st", ["status", "stop"]),
        ("-", ["--help", "--version"]),
        ("run --lef", ["--leftovers"]),
        ("run --leftovers ", ["end", "signal", "leave"]),
        ("run --leftovers e", ["end"]),
        ("run --leftovers = s", ["signal"]),
        ("run --color always --co", []),
        ("run --report a.json --rep", ["--report"]),
        ("run -v ls -", []),
        ("run -- ls ", []),
        ("run ", []),
        ("run --cwd ", []),
        ("up --dashboard n", ["never"]),
        ("status --j", ["--json"]),
        ("explain --f", ["--for"]),
        ("nonsense --", []),
        ("check --config x ", []),
    ],
)
def test_what_may_follow(line: str, found: list[str]) -> None:
    assert offered(line) == found


def test_names_of_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGDRAIN_CONFIG", raising=False)
    (tmp_path / "supervisor.toml").write_text(CONFIG)
    (tmp_path / "Procfile").write_text("# all\nweb: x\nclock: y\n")
    (tmp_path / "pyproject.toml").write_text("[tool.sigdrain.worker.w]\ncommand = 'x'\n")
    assert offered("up ") == ["api", "mail"]
    assert offered("up api ") == ["mail"]
    assert offered("up -c Procfile ") == ["web", "clock"]
    assert offered("up -c pyproject.toml ") == ["w"]


@pytest.mark.parametrize("kind", ["complete_bash", "complete_zsh", "complete_fish"])
def test_a_tab_at_a_bad_moment_says_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "supervisor.toml").write_text("broken [")
    for line in (
        "supervisor up ",
        "supervisor stop ",
        "supervisor run 'open ",
        "supervisor up -c /proc/self/mem ",
    ):
        environ = {"COMP_WORDS": line, "COMP_CWORD": "2", "_TYPER_COMPLETE_ARGS": line}
        assert complete(kind, environ) == 0
    shown = capsys.readouterr()
    assert (set(shown.out.split()) - {"_files"}, shown.err) == (set(), "")


BASH = """
eval "$(supervisor --show-completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_supervisor_completion "$1" "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def pressed(folder: Path, *words: str) -> list[str]:
    """What bash offers, with the script that the command installs."""
    env = environment(folder)
    env["PATH"] = f"{Path(SUPERVISOR).parent}:{env['PATH']}"
    env["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", *words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_bash_with_a_running_fleet(tmp_path: Path) -> None:
    """Other fleets of this user are offered, too: only what is ours is looked for among those."""
    only = f"only-{os.getpid()}"
    with Up(tmp_path, f'{CONFIG}[worker.{only}]\ncommand = "sleep 600"\n') as fleet:
        fleet.phases(mail="running")
        assert pressed(tmp_path, "supervisor", "stop", "") == ["api", "api.1", "api.2", "mail", only]
        assert pressed(tmp_path, "supervisor", "stop", "mail", "api.") == ["api.1", "api.2"]
        names = {NAME, fleet.socket.parent.name}  # the second where another fleet has the first, too
        assert len(names & set(pressed(tmp_path, "supervisor", "status", "--fleet", ""))) == 1
        assert pressed(tmp_path, "supervisor", "up", "--color", "=", "al") == ["always"]
        assert pressed(tmp_path, "supervisor", "run", "--", "l") == []
        assert fleet.ended() == 0
    assert fleet.socket.parent.name not in pressed(tmp_path, "supervisor", "status", "--fleet", "")
    assert pressed(tmp_path, "supervisor", "stop", only) == []


def test_it_loads_nothing_heavy(tmp_path: Path) -> None:
    """0.1 s is what a person does not notice; what would make it longer is an import."""
    (tmp_path / "supervisor.toml").write_text(CONFIG)
    code = "import sys; from supervisor.entry import main; main(['x']); print(*sys.modules, file=sys.stderr)"
    for line in ("supervisor up ", "supervisor stop ", "supervisor run --"):
        env = os.environ | {"_SUPERVISOR_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": line}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        heavy = {"typer", "click", "rich", "psutil", "asyncio", "dataclasses", "logging", "pydantic"}
        assert heavy & {name.partition(".")[0] for name in done.stderr.split()} == set()
