"""Files on a real disk -> specs."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.config import durations, machine
from supervisor.config.load import LoadedConfig, check, load
from supervisor.core import ladder
from supervisor.core.spec import ExecSpec, FleetSpec, LogSpec, RestartSpec, StopSpec, WorkerSpec
from tests.config.loading import ENVIRON, WORKER, loaded, only


def test_the_smallest_config(tmp_path: Path) -> None:
    project = tmp_path / "my shop"
    project.mkdir()
    config = loaded(project, WORKER)
    assert config == LoadedConfig(
        fleet=FleetSpec(
            name="my-shop",
            workers=(
                WorkerSpec(
                    name="api",
                    exec=ExecSpec(argv=("sh",), session=True, stdin_null=True, output="pipe"),
                    stop=StopSpec(ladder.parse("TERM/10/KILL")),
                ),
            ),
        ),
        log=LogSpec(),
        path=str(project / "supervisor.toml"),
    )


def test_every_key_reaches_its_spec(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    mine = grp.getgrgid(os.getgid()).gr_name
    account = machine.user(me)
    assert account is not None
    text = f"""
        [fleet]
        name = "shop"
        limit = "1m"
        [log]
        prefix = false
        format = "json"
        time = "utc"
        overflow = "drop"
        [worker.api]
        command = "sh -c 'a b' ${{HOME}}"
        env = {{ A = 1, B = "x" }}
        cwd = "app"
        user = "{me}"
        group = "{mine}"
        umask = "027"
        limits = {{ nofile = 100, core = [0, "unlimited"] }}
        no_new_privs = true
        parent_death = "TERM"
        stop.escalation = "INT/1/KILL"
        stop.target = "main"
        stop.leftovers = "leave"
        success_codes = [0, 3]
        restart = "always"
        on_exit = "restart"
        backoff.first = "100ms"
        backoff.max = 2
        backoff.jitter = 0.5
        backoff.stable = 3
        backoff.burst = 4
        agent = false
        log.overflow = "block"
        """
    (tmp_path / "app").mkdir()
    config = loaded(tmp_path, text)
    assert config.warnings == ()
    assert config.log == LogSpec(prefix=False, format="json", time="utc")
    assert (config.fleet.name, config.fleet.limit) == ("shop", 60.0)
    assert config.fleet.workers == (
        WorkerSpec(
            name="api",
            exec=ExecSpec(
                argv=("sh", "-c", "a b", account.variables["HOME"]),
                env={**ENVIRON, **account.variables, "A": "1", "B": "x"},
                cwd=str(tmp_path / "app"),
                user=me,
                group=mine,
                umask=0o27,
                limits=(("RLIMIT_NOFILE", 100, 100), ("RLIMIT_CORE", 0, -1)),
                no_new_privs=True,
                parent_death="TERM",
                overflow="block",
                session=True,
                stdin_null=True,
                output="pipe",
            ),
            stop=StopSpec(
                ladder.parse("INT/1/KILL"),
                group=False,
                leftovers="leave",
                own_signal=True,
                success_codes=(0, 3),
            ),
            restart=RestartSpec(
                policy="always",
                on_exit="restart",
                backoff=0.1,
                backoff_max=2.0,
                jitter=0.5,
                stable=3.0,
                burst=4,
            ),
            agent=False,
        ),
    )


def test_instances_and_ports(tmp_path: Path) -> None:
    text = (
        WORKER.replace('"sh"', '"sh", "{port}", "n{instance}"') + "instances = 3\nport = 8000\nenv.N = '{instance}'\n"
    )
    workers = loaded(tmp_path, text).fleet.workers
    assert [worker.title for worker in workers] == ["api.1", "api.2", "api.3"]
    assert [worker.exec.argv for worker in workers] == [("sh", f"800{n}", f"n{n + 1}") for n in range(3)]
    assert [worker.exec.env and worker.exec.env["N"] for worker in workers] == ["1", "2", "3"]


def test_one_instance_has_no_number_but_the_placeholder_is_1(tmp_path: Path) -> None:
    worker = only(tmp_path, WORKER.replace('"sh"', '"sh", "{instance}"') + "instances = 1\n")
    assert (worker.title, worker.instance, worker.exec.argv) == ("api", 0, ("sh", "1"))


def test_a_folder_per_instance(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    config = loaded(tmp_path, f"{WORKER}instances = 2\ncwd = '{{instance}}'\n")
    assert [worker.exec.cwd for worker in config.fleet.workers] == [str(tmp_path / "1"), str(tmp_path / "2")]
    assert [complaint.message for complaint in config.warnings] == [
        f'[worker.api] "cwd" names "{tmp_path}/2", but there is no such folder'
    ]


LADDERS = [
    ("", "", "TERM/10/KILL", False),
    ("", "stop.grace = 3", "TERM/3/KILL", False),
    ("", 'stop.signal = "INT"', "INT/10/KILL", True),
    ("", "stop.escalation = 20", "TERM/20/KILL", True),
    ("", 'stop.escalation = "none"', "TERM", True),
    ("stop.grace = 3", "", "TERM/3/KILL", False),
    ("stop.grace = 3", 'stop.signal = "INT"', "INT/3/KILL", True),
    ('stop.escalation = "HUP/1/TERM/2/KILL"', "stop.grace = 3", "HUP/3/TERM/2/KILL", True),
    ("stop.grace = 3", 'stop.escalation = "HUP/1/KILL"', "HUP/1/KILL", True),
    ('stop.escalation = "none"', "stop.grace = 3", "TERM/3/KILL", True),
]


@pytest.mark.parametrize(("defaults", "own", "expected", "own_signal"), LADDERS)
def test_escalations(defaults: str, own: str, expected: str, own_signal: bool, tmp_path: Path) -> None:
    worker = only(tmp_path, f"[defaults]\n{defaults}\n{WORKER}{own}\n")
    assert (str(worker.stop.ladder), worker.stop.own_signal) == (expected, own_signal)


def test_layers_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "all.env").write_text("A=file\nB=file\nC=file\nD=file\nE=${HOME}\n")
    (tmp_path / "own.env").write_text("C=own file\nD=own file\n")
    text = f"""
        [defaults]
        env_file = "all.env"
        env = {{ B = "default", C = "default", HERE = "${{HOME}}/x" }}
        {WORKER}
        env_file = ["own.env"]
        env = {{ D = "own", F = "${{C}}, ${{D}}", HERE = "${{HERE}}/y" }}
        """
    env = only(tmp_path, text).exec.env
    assert env is not None
    assert {name: env[name] for name in "ABCDEF"} == {
        "A": "file",
        "B": "default",
        "C": "own file",
        "D": "own",
        "E": "${HOME}",
        "F": "own file, own file",
    }
    assert env["HERE"] == "/home/ada/x/y"
    assert env["PATH"] == ENVIRON["PATH"]


def test_a_command_sees_the_whole_environment(tmp_path: Path) -> None:
    assert only(tmp_path, f"{WORKER.replace('sh', '${SHELL_HERE}')}env.SHELL_HERE = 'sh'\n").exec.argv == ("sh",)


def test_paths_are_relative_to_the_config(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    (folder / "app").mkdir(parents=True)
    (folder / "x.env").write_text("A=1\n")
    (folder / "supervisor.toml").write_text(f"{WORKER}cwd = 'app'\nenv_file = 'x.env'\n")
    config = load("etc/supervisor.toml", str(tmp_path), ENVIRON)
    assert config.warnings == ()
    assert [worker.exec.cwd for worker in config.fleet.workers] == [str(folder / "app")]


def test_an_env_file_is_complained_about_once(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("nonsense\n")
    (tmp_path / "supervisor.toml").write_text(
        f"[defaults]\nenv_file = 'x.env'\n{WORKER}instances = 2\n[worker.b]\ncommand = 'sh'\n"
    )
    assert [complaint.place for complaint in check(None, str(tmp_path), ENVIRON)[1]] == ["x.env:1:1"]


def test_a_worker_that_is_never_restarted_may_say_what_its_end_means(tmp_path: Path) -> None:
    worker = only(tmp_path, f"{WORKER}restart = 'never'\non_exit = 'ignore'\n")
    assert (worker.restart.policy, worker.restart.on_exit) == ("never", "ignore")


def test_limits_are_merged_key_by_key(tmp_path: Path) -> None:
    text = f"[defaults]\nlimits = {{ nofile = 1, core = 1 }}\n{WORKER}limits = {{ core = 2 }}\n"
    assert only(tmp_path, text).exec.limits == (("RLIMIT_NOFILE", 1, 1), ("RLIMIT_CORE", 2, 2))


def test_overflow_of_all_and_of_one(tmp_path: Path) -> None:
    text = f"[log]\noverflow = 'drop'\n{WORKER}[worker.b]\ncommand = 'sh'\nlog.overflow = 'block'\n"
    assert [worker.exec.overflow for worker in loaded(tmp_path, text).fleet.workers] == ["drop", "block"]


# ------------------------------------------------------------------ users, groups, programs


def test_users_and_groups_of_this_machine() -> None:
    me = pwd.getpwuid(os.getuid())
    for name in (me.pw_name, str(me.pw_uid), f"0{me.pw_uid}"):
        account = machine.user(name)
        assert account is not None and account.known
        assert (account.name, account.home) == (me.pw_name, me.pw_dir)
    assert machine.group(grp.getgrgid(os.getgid()).gr_name)
    assert machine.user("54321") == machine.Account("54321", "/", "/bin/sh", known=False)
    assert machine.group("54321")
    for name in ("no such user", str(2**32 - 1), "9" * 5000, "-1", "\u0661", "a\0b"):
        assert machine.user(name) is None and not machine.group(name), name


def test_a_shell_that_lets_nobody_in_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for shell, shown in (("/usr/sbin/nologin", "/bin/sh"), ("/bin/false", "/bin/sh"), ("", "/bin/sh"), ("/z", "/z")):
        entry = pwd.struct_passwd(("ada", "x", 7, 7, "", "/home/ada", shell))
        monkeypatch.setattr(pwd, "getpwnam", lambda _name, entry=entry: entry)
        assert machine.user("ada") == machine.Account("ada", "/home/ada", shown)


ADA = machine.Account("ada", "/home/of/ada", "/bin/zsh")
AS_ADA = machine.SYSTEM.with_(user=lambda _name: ADA)


def test_the_environment_of_another_user(tmp_path: Path) -> None:
    """As systemd's User=: USER, LOGNAME, HOME and SHELL are that user's unless the config says otherwise."""
    (tmp_path / "x.env").write_text("SHELL=/bin/mine\n")
    text = (
        f'{WORKER}user = "ada"\ncwd = "${{HOME}}/x"\n[worker.b]\ncommand = ["sh", "${{HOME}}"]\nuser = "ada"\n'
        'env_file = "x.env"\nenv = { HOME = "/srv", X = "${USER}" }\n[worker.c]\ncommand = "sh"\n'
    )
    (tmp_path / "supervisor.toml").write_text(text)
    root = ENVIRON | {"HOME": "/root", "USER": "root"}
    config = load(None, str(tmp_path), root, AS_ADA)
    a, b, c = (worker.exec for worker in config.fleet.workers)
    assert a.env == root | {"USER": "ada", "LOGNAME": "ada", "HOME": "/home/of/ada", "SHELL": "/bin/zsh"}
    assert a.cwd == "/home/of/ada/x"
    assert b.env is not None
    assert b.env == a.env | {"HOME": "/srv", "SHELL": "/bin/mine", "X": "ada"}
    assert b.argv == ("sh", "/srv")
    assert c.env is None, "the others inherit ours"


def test_programs(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, mode in (("runs", 0o755), ("plain", 0o644)):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(mode)
    folder, path = str(tmp_path), f"/nowhere:{tmp_path}/bin"
    assert machine.program("runs", path, folder)
    assert machine.program("bin/runs", "", folder) and machine.program(f"{tmp_path}/bin/runs", "", "/")
    assert machine.program("runs", "bin", folder)
    for name in ("plain", "bin", "no-such-program", "a\0b"):
        assert not machine.program(name, path, folder)
    assert not machine.program("runs", "", "/")


# ------------------------------------------------------------------ durations

DURATIONS = [
    ("10", 10.0),
    ("0.5", 0.5),
    ("500ms", 0.5),
    ("1m30s", 90.0),
    (" 1 h 30 m ", 5400.0),
    ("1.5m", 90.0),
    ("1d", 86400.0),
    ("366d", 366 * 86400.0),
    ("367d", None),
    ("30s1m", None),
    ("1m1m", None),
    ("1m30", None),
    ("ten", None),
    ("", None),
    ("-1", None),
    ("1e3", None),
    ("1_0", None),
    ("٣", None),
    ("inf", None),
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS)
def test_durations(text: str, seconds: float | None) -> None:
    assert durations.parse(text) == seconds


@given(st.integers(0, 300), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_any_duration(days: int, hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds + milliseconds / 1000
    text = f"{days}d{hours}h{minutes}m{seconds}s{milliseconds}ms"
    assert durations.parse(text) == pytest.approx(total)


# ------------------------------------------------------------------ cost


def test_loading_imports_little(tmp_path: Path) -> None:
    """`up` idles at a bare interpreter and 6 MB: what a load brings in stays in."""
    (tmp_path / "supervisor.toml").write_text(f"{WORKER}env.A = '${{HOME}}'\n")
    code = (
        "import sys; from supervisor.config.load import load;"
        f"load(None, {str(tmp_path)!r}, {ENVIRON!r}); print(*sys.modules)"
    )
    command = [sys.executable, "-S", "-c", code]
    environ = {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    heavy = "dataclasses json logging difflib shlex textwrap pwd grp unicodedata asyncio subprocess pydantic rich"
    ours = "locate envfile procfile describe guide"
    unwanted = {*heavy.split(), *(f"supervisor.config.{name}" for name in ours.split())}
    assert unwanted & set(done.stdout.split()) == set()
