"""Every complaint names its place and what to do; all come at once."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from supervisor.config.complaint import WINDOW, Complaint, InvalidConfig
from supervisor.config.load import check, load
from supervisor.config.machine import Account, Outside
from supervisor.config.problems import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping


ACCOUNTS = {
    "root": Account("root", "/root", "/bin/bash"),
    "www": Account("www", "/srv", "/bin/sh"),
    "12345": Account("12345", "/", "/bin/sh", known=False),
}


def outside(files: Mapping[str, str | bytes]) -> Outside:
    """A machine with these files in /srv, the users root and www, and every program but those called no-…"""

    def read(path: str) -> bytes:
        content = files.get(path.removeprefix("/srv/"))
        if content is None:
            raise FileNotFoundError(2, "No such file or directory", path)
        return content.encode() if isinstance(content, str) else content

    return Outside(
        read=read,
        user=ACCOUNTS.get,
        group=lambda name: name in ("root", "www", "12345"),
        folder=lambda path: path in ("/srv", "/srv/app"),
        program=lambda name, _path, _folder: not name.startswith("no-"),
    )


def complaints(text: str, **files: str) -> list[Complaint]:
    names = {name.replace("_", "."): content for name, content in files.items()}
    machine = outside({"supervisor.toml": text, **names})
    return check(None, "/srv", {"HOME": "/root", "PATH": "/bin"}, machine)[1]


WORKER = '[worker.api]\ncommand = ["api"]\n'

# (what stands below the worker's command, place, the complaint, part of the hint)
ABOUT_A_WORKER = [
    ("gracee = 10", "3:1", 'error: [worker.api] unknown key "gracee", did you mean "stop.grace"?', ""),
    ("stop.gracee = 1", "3:6", 'error: [worker.api.stop] unknown key "gracee", did you mean "grace"?', ""),
    ("numprocs = 1", "3:1", 'error: [worker.api] unknown key "numprocs", did you mean "instances"?', ""),
    (
        "TimeoutStopSec = 1",
        "3:1",
        'error: [worker.api] unknown key "TimeoutStopSec", did you mean "stop.grace"?',
        "30",
    ),
    ("autorestart = true", "3:1", 'unknown key "autorestart", did you mean "restart"?', 'restart = "on-failure"'),
    ("depends-on = []", "3:1", 'unknown key "depends-on", did you mean "depends_on"?', ""),
    ("healthcheck = {}", "3:1", 'unknown key "healthcheck", did you mean "ready"?', "write it as ready = { http"),
    ("priority = 1", "3:1", 'unknown key "priority"', "said by depends_on"),
    ('ready = "redy"', "3:9", "is not a check: 'redy' is no check; there are started, after, log", ""),
    ('ready = "tpc=127.0.0.1:1"', "3:9", "'tpc' is no check, did you mean tcp?", ""),
    ('ready = "tcp=shop:80"', "3:9", "'shop' is neither a literal address nor localhost", "http"),
    ('ready = "tcp=127.0.0.1:{port}"', "3:9", 'uses {port}, but the worker has no "port"', "port = 8000"),
    ('ready.log = "/(a+)+b/"', "3:1", "the pattern repeats inside a repeat", ""),
    ('ready.log = "/(/"', "3:1", "the pattern is not a valid regular expression", ""),
    (
        "ready = { notify = true, timout = 3 }",
        "3:26",
        '"timout" does not belong to a check by notify, did you mean',
        "",
    ),
    ("ready = { notify = true, timeout = 0 }", "3:36", '"timeout" must be a duration above 0, not 0', ""),
    ('ready = { tcp = "127.0.0.1:1", notify = true }', "3:9", "has 2 checks; it needs one of", ""),
    ('ready = { command = ["curl", 3] }', "3:30", 'item 2 of "command" must be a string, not 3', ""),
    ('ready = { http = "https://127.0.0.1/" }', "3:9", "https is not offered", ""),
    ('liveness = "log=x"', "3:12", "cannot be log here; it can be tcp, unix, http, command, notify", ""),
    ("liveness = { watchdog = 3, interval = 3 }", "3:25", "has another check, or an interval, beside watchdog", ""),
    ('depends_on = ["api"]', "3:14", "depends on itself: api -> api", ""),
    ('depends_on = ["aip"]', "3:15", 'names "aip", but there is no such worker', ""),
    ("depends_on = [3]", "3:15", 'item 1 of "depends_on" must be the name of a worker, not 3', ""),
    (
        'depends_on.db = { condition = "service_healthy" }',
        "3:17",
        'has a condition that must be "started", "ready", "completed", "ended", not "service_healthy", did you mean '
        '"ready"?',
        "",
    ),
    ("depends_on.db.restat = true", "3:15", 'unknown key "restat", did you mean "restart"?', "condition, restart"),
    ('stdout_logfile = "x"', "3:1", 'unknown key "stdout_logfile"', "stdout and stderr of `supervisor up`"),
    ("instances = 0x" + "f" * 5000, "3:13", "not a number of more than 40 digits", ""),
    ("env = { A = 0x" + "f" * 5000 + " }", "3:13", "must be a string, not a number of more than 40 digits", ""),
    ("user = 0x" + "f" * 5000, "3:8", "not a number of more than 40 digits", ""),
    ('user = "' + "9" * 5000 + '"', "3:8", "but there is no such user", ""),
    ('stop.signal = "' + "9" * 5000 + '"', "3:15", "must be a signal", ""),
    ('stop.escalation = "' + "9" * 5000 + '"', "3:19", "is not a valid escalation", ""),
    ('user = "12345"', "3:8", "a number without a user", "group"),
    ("backoff.first = 31", "3:17", "is longer than the longest pause, which is 30 s", "backoff.max"),
    ("xyzzy = 1", "3:1", 'error: [worker.api] unknown key "xyzzy"', ""),
    ("limit = 1", "3:1", 'error: [worker.api] unknown key "limit", did you mean "limits"?', ""),
    ("stop = 10", "3:8", 'error: [worker.api] "stop" is a table, not 10', "stop.escalation ="),
    ('stop.grace = "ten"', "3:14", 'error: [worker.api.stop] "grace" must be a duration', ""),
    ("stop.grace = -1", "3:14", 'error: [worker.api.stop] "grace" must be a duration', ""),
    ("stop.grace = nan", "3:14", 'error: [worker.api.stop] "grace" must be a duration', ""),
    ("stop.grace = true", "3:14", 'error: [worker.api.stop] "grace" must be a duration', ""),
    ('stop.grace = "30s1m"', "3:14", 'error: [worker.api.stop] "grace" must be a duration', ""),
    ('stop.signal = "TREM"', "3:15", 'not "TREM", did you mean "TERM"?', ""),
    ('stop.signal = "STOP"', "3:15", 'cannot be "STOP": it never ends a process', "TERM"),
    ("stop.signal = 15", "3:15", 'must be the name of a signal such as "INT", not 15', ""),
    ('stop.escalation = "TERM/KILL"', "3:19", "is not a valid escalation: 'TERM/KILL' has no wait before KILL", ""),
    ("stop.escalation = []", "3:19", "must be a string such as", ""),
    ('stop.escalation = "none"\nstop.grace = 1', "4:6", '"grace" sets what "escalation" sets', "remove"),
    ('stop.escalation = "none"\nstop.signal = "INT"', "4:6", '"signal" sets what "escalation" sets', "remove"),
    ("instances = 0", "3:13", "must be a whole number from 1 to 10000, not 0", ""),
    ("instances = true", "3:13", "must be a whole number from 1 to 10000, not true", ""),
    ("port = 70000", "3:8", "must be a whole number from 1 to 65535, not 70000", ""),
    ("port = 65535\ninstances = 2", "3:8", "is too high for 2 instances: the last would get port 65536", ""),
    ('env = "A=1"', "3:7", "must be a table such as", ""),
    ("env = { A = true }", "3:13", 'error: [worker.api.env] "A" must be a string, not true', "quotes"),
    ('env = { "A=B" = "x" }', "3:9", 'error: [worker.api.env] "A=B" is no name of a variable', ""),
    ('env = { A = "${NOPE}" }', "3:13", '"A" uses the variable NOPE, which is not set', "${NOPE:-default}"),
    ('env = { A = "{foo}" }', "3:13", '"A" uses {foo}, which is no placeholder', "{instance} and {port}"),
    ('env = { A = "x\\u0000y" }', "3:13", '"A" holds a NUL character, which no variable can', ""),
    ('env = { "A\\u0000B" = "x" }', "3:9", 'holds "=" or NUL', ""),
    ("stop.grace = 1e300", "3:14", '"grace" must be a duration of at most 366 days', '"1m30s"'),
    ('env_file = "x.env"', "3:12", '"env_file" names "x.env", which cannot be read: no such file', "/srv/x.env"),
    ("env_file = ['a.env', 3]", "3:22", 'item 2 of "env_file" must be a path, not 3', ""),
    ('cwd = "${NOPE}"', "3:7", '"cwd" uses the variable NOPE', ""),
    ('cwd = ""', "3:7", "must be a non-empty string", ""),
    ('user = "nobdy"', "3:8", 'error: [worker.api] "user" names "nobdy", but there is no such user', ""),
    ('group = "nobdy"', "3:9", '"group" names "nobdy", but there is no such group', ""),
    ("user = 1000", "3:8", "must be a non-empty string, not 1000", '"1000"'),
    ("umask = 22", "3:9", 'must be a string of octal digits such as "027", not 22', ""),
    ('umask = "089"', "3:9", "must be a string of octal digits", ""),
    ("limits = { nofil = 1 }", "3:12", '"nofil" is not a resource limit, did you mean "nofile"?', "nofile"),
    ("limits = { nofile = [2, 1] }", "3:21", "has a soft limit above its hard limit", ""),
    ('limits = { nofile = ["unlimited", 1] }', "3:21", "has a soft limit above its hard limit", ""),
    ('limits.nofile = "many"', "3:17", 'must be a number, "unlimited" or [soft, hard], not "many"', ""),
    ("success_codes = [0, 256]", "3:21", 'item 2 of "success_codes" must be an exit code from 0 to 255', ""),
    ("success_codes = 0", "3:17", "must be a list of exit codes", ""),
    ('restart = "on_failure"', "3:11", 'not "on_failure", did you mean "on-failure"?', ""),
    ('restart = "always"\non_exit = "ignore"', "3:11", 'is never applied: on_exit = "ignore"', "one of the two"),
    ("backoff.first = 10\nbackoff.max = 5", "4:15", "is shorter than backoff.first, which is 10 s", ""),
    ("backoff.jitter = 2", "3:18", "must be a number from 0 to 1, not 2", ""),
    ('agent = "no"', "3:9", 'must be true or false, not "no"', ""),
    ("no_new_privs = 1", "3:16", "must be true or false, not 1", ""),
    # warnings
    ('cwd = "gone"', "3:7", 'warning: [worker.api] "cwd" names "/srv/gone", but there is no such folder', ""),
    ('restart = "never"\nbackoff.max = 9', "4:15", "warning: [worker.api.backoff] ", ""),
    (
        'env.A = "%(process_num)d"\nenv.B = "1"',
        "3:9",
        'warning: [worker.api.env] "A" contains %(process_num)d, which is no placeholder',
        "the placeholders are {instance} and {port}",
    ),
    ("instances = 2\nenv.PORT = 80", "4:12", "gives all 2 instances the same port", "{port}"),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), ABOUT_A_WORKER)
def test_about_a_worker(text: str, place: str, message: str, hint: str) -> None:
    (complaint,) = complaints(WORKER + text + "\n")
    assert complaint.place == f"supervisor.toml:{place}"
    assert message in f"{complaint.severity}: {complaint.message}"
    assert hint in complaint.hint


# (what the file says, place, the complaint, part of the hint)
ABOUT_ORDER = [
    (
        '[worker.api]\ncommand = "a"\ndepends_on = ["cahe"]\n[worker.cache]\ncommand = "b"\n',
        "3:15",
        'error: [worker.api] item 1 of "depends_on" names "cahe", but there is no such worker, did you mean "cache"?',
        "",
    ),
    (
        '[worker.a]\ncommand = "a"\ndepends_on = ["b"]\n[worker.b]\ncommand = "b"\ndepends_on = ["c"]\n'
        '[worker.c]\ncommand = "c"\ndepends_on = ["a"]\n',
        "3:14",
        'error: [worker.a] "depends_on" is in a circle: a -> b -> c -> a',
        "leave one of them out",
    ),
    (
        '[worker.a]\ncommand = "a"\ndepends_on.b.condition = "completed"\n'
        '[worker.b]\ncommand = "b"\nrestart = "always"\n',
        "3:12",
        'waits until "b" has completed, but that has restart = "always"',
        "on-failure",
    ),
    (
        "[fleet]\nlimit = 25\n"
        '[worker.a]\ncommand = "a"\ndepends_on = ["b"]\n[worker.b]\ncommand = "b"\nstop.grace = 20\n',
        "2:9",
        'warning: [fleet] "limit" is 25 s, but a stop in order may take 30 s: a -> b',
        "out of order",
    ),
    (
        "[fleet]\nlimit = 15\n"
        '[worker.a]\ncommand = "a"\ndepends_on = ["b"]\n[worker.b]\ncommand = "b"\nstop.escalation = "none"\n',
        "2:9",
        'warning: [fleet] "limit" is 15 s, but a stop in order may take 20 s: a -> b',
        "out of order",
    ),
    (
        '[worker.a]\ncommand = "a"\ninstances = 2\nready = "tcp=127.0.0.1:80"\n',
        "4:9",
        'warning: [worker.a] "ready" proves nothing about one of 2 instances: all of them share tcp 127.0.0.1:80',
        "{port}",
    ),
]


@pytest.mark.parametrize(("text", "place", "message", "hint"), ABOUT_ORDER)
def test_about_order(text: str, place: str, message: str, hint: str) -> None:
    (complaint,) = complaints(text)
    assert complaint.place == f"supervisor.toml:{place}"
    assert message in f"{complaint.severity}: {complaint.message}"
    assert hint in complaint.hint


# (the command, column, the complaint)
ABOUT_A_COMMAND = [
    ("8", 11, 'error: [worker.api] "command" must be a list of arguments or a string, not 8'),
    ('""', 11, '"command" is empty'),
    ("[]", 11, "is empty; the first item is the program to run"),
    ('["api", 80]', 19, 'item 2 of "command" must be a string, not 80'),
    ("'api \"x'", 11, "cannot be split: no closing quotation"),
    ('["api", "${NOPE}"]', 19, 'item 2 of "command" uses the variable NOPE, which is not set'),
    ('"api ${NOPE}"', 11, "uses the variable NOPE, which is not set"),
    ('["api", "80{instance}"]', 19, 'uses {instance}, but the worker has no "instances"'),
    ('"api {foo}"', 11, 'item 2 of "command" uses {foo}, which is no placeholder'),
    ('["api", "{port}"]', 19, 'uses {port}, but the worker has no "port"'),
    ('"a\\u0000b"', 11, '"command" holds a NUL character'),
    ('["api", "a\\u0000b"]', 19, 'item 2 of "command" holds a NUL character'),
    (f'["api", "{"x" * 131072}"]', 19, 'item 2 of "command" holds a NUL character or is 128 KiB long'),
    (f'"{"x " * 65536}"', 11, '"command" holds a NUL character or is 128 KiB long'),
    ('"api | cat"', 11, 'warning: [worker.api] "command" is not run by a shell: | is passed'),
    ('"A=1 api"', 11, "is not run by a shell: A=1 would be the program's name"),
    ('["python3 app.py"]', 11, "is one argument with spaces in it"),
    ('["no-api"]', 12, 'runs "no-api", which is not a program in PATH'),
    ('["./no-api/../no-api"]', None, None),
]


@pytest.mark.parametrize(
    ("command", "column", "message"), ABOUT_A_COMMAND, ids=[case[0][:30] for case in ABOUT_A_COMMAND]
)
def test_about_a_command(command: str, column: int | None, message: str | None) -> None:
    found = complaints(f"[worker.api]\ncommand = {command}\n")
    if message is None:
        assert found == []
        return
    (complaint,) = found
    assert (complaint.line, complaint.column) == (2, column)
    assert message in f"{complaint.severity}: {complaint.message}"


# (the whole file, place, the complaint)
ABOUT_THE_FILE = [
    ("", "", "it defines no worker"),
    ("# nothing\n", ":1:1", "it defines no worker"),
    ("[fleet]\nname = 'x'\n", ":1:1", "it defines no worker"),
    ("[worker]\n", ":1:2", '"worker" has no named tables'),
    ("[[worker]]\ncommand = 'x'\n", ":1:3", '"worker" has no named tables'),
    ("[worker]\ncommand = 'x'\n", ":2:1", '[worker] "command" belongs to a worker'),
    ("[worker]\napi = 'x'\n", ":2:7", '[worker] "api" must be a table, not "x"'),
    ("[worker.api]\ninstances = 2\n", ":1:9", "[worker.api] has no command"),
    ("[worker.api]\ncomand = 'api'\n", ":2:1", 'unknown key "comand", did you mean "command"?'),
    ("worker.api = { instances = 2 }\n", ":1:8", "[worker.api] has no command"),
    (f"{WORKER}[api2]\ncommand = 'x'\n", ":3:2", 'unknown section "api2", did you mean [worker.api2]?'),
    (f"{WORKER}[workers.b]\n", ":3:2", 'unknown section "workers", did you mean "worker"?'),
    (f"{WORKER}[supervisord]\nx = 1\n", ":3:2", 'unknown section "supervisord"'),
    (f"{WORKER}backoff.burst = {'9' * 5000}\n", ":3:17", "a number has more than 4300 digits"),
    (f"{WORKER}x = [1, -{'9' * 5000}]\n", ":3:9", "a number has more than 4300 digits"),
    (f"debug = true\n{WORKER}", ":1:1", 'unknown key "debug"'),
    (f"{WORKER}[fleet]\nlimt = 1\n", ":4:1", '[fleet] unknown key "limt", did you mean "limit"?'),
    (f"{WORKER}[fleet]\nrestart = 'never'\n", ":4:1", '"restart" belongs to a worker, not here'),
    (f"{WORKER}[fleet]\nname = 'a b'\n", ":4:8", "must be up to 63 letters, digits, _ and -"),
    (f"fleet = 3\n{WORKER}", ":1:9", '"fleet" must be a table, not 3'),
    (f"{WORKER}[defaults]\ninstances = 3\n", ":4:1", '"instances" belongs to a worker, not here'),
    (f"{WORKER}[log]\nformat = 'jsn'\n", ":4:10", 'must be "text" or "json", not "jsn", did you mean "json"?'),
    (f'{WORKER}[worker."a.b"]\ncommand = "x"\n', ":3:9", '"a.b" is not a valid worker name'),
    (f"{WORKER}[worker.API]\ncommand = 'x'\n", ":3:9", '"API" and "api" are too similar'),
    ("[worker.a-b]\ncommand = 'x'\n[worker.a_b]\ncommand = 'x'\n", ":3:9", "are too similar"),
    (
        f"{WORKER}port = 80\n[worker.b]\ncommand = 'x'\nport = 79\ninstances = 3\n",
        ":6:8",
        'gives port 80 to "b", which "api" uses',
    ),
    # TOML's own errors
    (f"{WORKER}[worker.api]\n", ":3:9", "worker.api is defined twice, first on line 1"),
    (f"{WORKER}command = 'y'\n", ":3:1", "worker.api.command is defined twice, first on line 2"),
    ("[worker.api\ncommand = 'x'\n", ":1:12", "expected ']' at the end of a table declaration"),
    ("[worker.api]\ncommand = x\n", ":2:11", "invalid value"),
    ("[worker.api]\ncommand 'x'\n", ":2:9", "expected '=' after a key"),
    ("[worker.api]\ncommand = 'x", ":2:13", "expected"),
    ("a." * 50 + "a = 1", ":1:1", "a key has more than 40 parts"),
    ("a = " + "[" * 100_000, "", "is nested too deeply"),
]


@pytest.mark.parametrize(("text", "place", "message"), ABOUT_THE_FILE)
def test_about_the_file(text: str, place: str, message: str) -> None:
    found = complaints(text)
    assert found[0].place == f"supervisor.toml{place}"
    assert message in found[0].message
    assert len(found) == 1


def test_a_file_of_supervisord() -> None:
    (complaint,) = complaints("[program:web]\ncommand=python3 app.py\n")
    assert complaint.hint == "this looks like supervisord's; here it is [worker.web]"


def test_the_whole_text_of_some_complaints() -> None:
    text = """\
        [fleet]
        limit = 5

        [worker.api]
        comand = ["api"]
        command = ["api", "${NOPE}"]
        stop.grace = "1m30s"

        [worker.db]
        stop.grace = 1
        """
    with pytest.raises(InvalidConfig) as caught:
        load(None, "/srv", {}, outside({"supervisor.toml": textwrap.dedent(text)}))
    assert caught.value.exit_code == 2
    assert str(caught.value) == textwrap.dedent("""\
        supervisor.toml:5:1: error: [worker.api] unknown key "comand", did you mean "command"?
            5 | comand = ["api"]
              | ^^^^^^
        supervisor.toml:6:19: error: [worker.api] item 2 of "command" uses the variable NOPE, which is not set
            6 | command = ["api", "${NOPE}"]
              |                   ^^^^^^^^^
              hint: set it, or write ${NOPE:-default}
        supervisor.toml:7:14: warning: [worker.api.stop] "grace" allows 90 s, but the fleet's limit kills it after 5 s
            7 | stop.grace = "1m30s"
              |              ^^^^^^^
              hint: raise [fleet] limit, or shorten the escalation (TERM/90/KILL)
        supervisor.toml:9:9: error: [worker.db] has no command
            9 | [worker.db]
              |         ^^
              hint: add command = ["python3", "app.py"]
        3 errors, 1 warning""")


def test_a_variable_that_is_not_set_is_told_beside_every_other_mistake() -> None:
    text = """\
        [worker.a]
        command = [8, "${ONE}"]
        env = { X = "${TWO}", Y = true }
        instances = 0
        bogus_key = 1

        [worker.b]
        cwd = "${THREE}"
        """
    told = [complaint.message for complaint in complaints(textwrap.dedent(text))]
    assert [name for name in ("ONE", "TWO", "THREE") if any(f"variable {name}," in one for one in told)] == [
        "ONE", "TWO", "THREE",
    ]  # fmt: skip
    assert len(told) == 8, told


def test_nested_timeouts_name_the_worker_that_uses_the_default() -> None:
    (complaint,) = complaints(f"{WORKER}[fleet]\nlimit = 5\n")
    assert complaint.place == "supervisor.toml:1:9" and complaint.severity == "warning"
    assert "TERM/10/KILL allows 10 s" in complaint.message


def test_a_default_is_complained_about_once() -> None:
    text = "[defaults]\nuser = 'nobdy'\n" + "".join(f"[worker.w{n}]\ncommand = 'x'\n" for n in range(9))
    assert [complaint.place for complaint in complaints(text)] == ["supervisor.toml:2:8"]


def test_env_files_are_complained_about_in_their_own_lines() -> None:
    found = complaints(f"{WORKER}env_file = 'x.env'\nagent = 1\n", x_env="A=1\nnonsense\n")
    assert [complaint.place for complaint in found] == ["supervisor.toml:4:9", "x.env:2:1"]
    assert found[1].source == "nonsense"


SHARED_PORTS = [
    ('["api", "--port", "8000"]', True),
    ('["api", "--port=8000"]', True),
    ('["api", "-b", "0.0.0.0:8000"]', True),
    ('["api", "localhost:8000"]', True),
    ('"api --http-port 8000"', True),
    ('["api", "--port", "800{instance}"]', False),
    ('["api", "--reuse-port", "--port", "8000"]', False),
    ('["api", "--workers", "8000"]', False),
    ('["api", "http://example.org:80/"]', False),
]


@pytest.mark.parametrize(("command", "told"), SHARED_PORTS)
def test_instances_that_share_a_port(command: str, told: bool) -> None:
    found = complaints(f"[worker.api]\ninstances = 2\ncommand = {command}\n")
    assert [complaint.message for complaint in found if "the same port" not in complaint.message] == []
    assert bool(found) is told
    assert complaints(f"[worker.api]\ninstances = 1\ncommand = {command}\n") == []


def test_a_flood_of_problems_is_cut() -> None:
    assert len(complaints(WORKER + "".join(f"key{n} = 1\n" for n in range(20_000)))) == MOST


# ------------------------------------------------------------------ how a complaint is written


def drawn(source: str, column: int, width: int) -> list[str]:
    return str(Complaint("f", 1, column, "m", source=source, width=width)).split("\n")[1:]


def test_carets_stand_under_tabs_and_wide_characters() -> None:
    assert drawn("\tkey = 1", 2, 3) == ["    1 | \tkey = 1", "      | \t^^^"]
    assert drawn("日本 = x", 6, 1) == ["    1 | 日本 = x", "      |        ^"]
    assert drawn("日本 = x", 1, 2) == ["    1 | 日本 = x", "      | ^^^^"]
    assert drawn("e\u0301 = x", 6, 1) == ["    1 | e\u0301 = x", "      |     ^"]


def test_a_long_line_is_cut_around_the_place() -> None:
    source, carets = drawn("a" * 500 + "HERE" + "b" * 500, 501, 4)
    assert len(source) == WINDOW + len("    1 | ……")
    start = carets.index("^")
    assert source[start : start + 4] == "HERE" and carets.count("^") == 4


def test_control_characters_of_the_file_do_not_reach_the_terminal() -> None:
    assert drawn("a = \x1b[31m", 1, 1)[0] == "    1 | a = \N{REPLACEMENT CHARACTER}[31m"


def test_a_place_at_the_end_of_a_line() -> None:
    assert drawn("a =", 4, 1) == ["    1 | a =", "      |    ^"]
