"""Exit codes: the command's own, death by a signal, and what could not be started (127, 126, 125)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR, Wrapped, run

CODES = [0, 1, 2, 3, 31, 32, 63, 64, 100, 124, 125, 126, 127, 128, 129, 137, 143, 200, 254, 255]


def test_exit_codes_pass_through_in_silence() -> None:
    with contextlib.ExitStack() as stack:
        runs = {code: stack.enter_context(Wrapped(["sh", "-c", f"exit {code}"])) for code in CODES}
        assert {code: wrapped.wait() for code, wrapped in runs.items()} == {code: code for code in CODES}
        assert {wrapped.stderr for wrapped in runs.values()} == {""}


@pytest.mark.parametrize("choice", ["auto", "raise", "code"])
def test_death_by_a_signal(choice: str) -> None:
    numbers: list[int] = [
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGABRT,
        signal.SIGKILL,
        signal.SIGSEGV,
    ]
    numbers += [signal.SIGPIPE, signal.SIGTERM, signal.SIGUSR1, signal.SIGXFSZ, 40]
    with contextlib.ExitStack() as stack:
        for number in numbers:
            wrapped = stack.enter_context(Wrapped(["sh", "-c", f"kill -{int(number)} $$"], "--signal-exit", choice))
            assert wrapped.wait() == (128 + number if choice == "code" else -number)


def test_our_own_death_by_the_commands_signal_dumps_no_core(tmp_path: Path) -> None:
    """WCOREDUMP of our status is what a parent sees; the command's own core is its own business."""
    script = f"ulimit -c unlimited; cd {tmp_path}; exec {SUPERVISOR} run -- sh -c 'kill -QUIT $$'"
    process = subprocess.Popen(["bash", "-c", script], stderr=subprocess.DEVNULL)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WTERMSIG(status) == signal.SIGQUIT
    assert not os.WCOREDUMP(status)


def _executable(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("make", "code", "says", "hint"),
    [
        (lambda _: "no-such-command-here", 127, "'no-such-command-here': not found in PATH", "check the spelling"),
        (lambda _: "/nonexistent/x", 127, "'/nonexistent/x': no such file", "check the path"),
        (lambda at: _executable(at / "s", "#!/nonexistent/sh\n"), 127, "interpreter '/nonexistent/sh'", "#! line"),
        (lambda at: _executable(at / "s", "echo hello\n"), 126, "no #! line", "begin it with a line like #!/bin/sh"),
        (lambda at: _executable(at / "s", ""), 126, "no #! line", "begin it with"),
        (str, 126, "it is a folder", "give the program inside it"),
        (lambda _: "", 127, "'': not found in PATH", "check the spelling"),
        (lambda _: "python3 -c 1", 127, "'python3 -c 1': not found in PATH", "leave out its quotes"),
        (lambda _: "x" * 300, 127, "xxx': not found in PATH", "check the spelling"),
        (lambda _: "/bin/ech\udcff", 127, r"'/bin/ech\xff': no such file", "check the path"),
    ],
    ids=[
        "unknown",
        "no-file",
        "no-interpreter",
        "no-shebang",
        "empty-file",
        "folder",
        "empty-name",
        "spaces",
        "long",
        "bytes",
    ],
)
def test_a_command_that_cannot_be_started(make, code: int, says: str, hint: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  # a lambda per case
    found, out, err = run([make(tmp_path)])
    assert (found, out) == (code, "")
    first, second = err.splitlines()
    assert first.startswith("supervisor: cannot start ") and says in first
    assert second.startswith("hint: ") and hint in second


def test_not_executable(tmp_path: Path) -> None:
    path = tmp_path / "script.sh"
    path.write_text("#!/bin/sh\n")
    code, _, err = run([str(path)])
    assert code == 126
    assert f"cannot start '{path}': permission denied" in err
    assert f"chmod +x {path}" in err


def test_path_search_prefers_a_later_executable_and_reports_the_denied_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "thing").write_text("#!/bin/sh\nexit 3\n")
    search = {"PATH": f"{first}:/nonexistent:{second}:{os.environ['PATH']}"}
    assert run(["thing"], env=search)[0] == 126
    _executable(second / "thing", "#!/bin/sh\nexit 4\n")
    assert run(["thing"], env=search)[0] == 4


def test_missing_working_folder() -> None:
    code, _, err = run(["true"], "--cwd", "/nonexistent/folder")
    assert code == 125
    assert "cannot start in folder '/nonexistent/folder': No such file or directory" in err
    assert err.splitlines()[1].startswith("hint: create it")


def test_a_relative_command_is_found_in_the_new_working_folder(tmp_path: Path) -> None:
    _executable(tmp_path / "tool", '#!/bin/sh\npwd\necho "$1"\n')
    code, out, _ = run(["./tool", "--cwd"], "--cwd", str(tmp_path))
    assert (code, out.split()) == (0, [str(tmp_path), "--cwd"])


def test_no_command_is_a_usage_error() -> None:
    code, out, err = run([])
    assert (code, out) == (2, "")
    assert "no command to run" in err and "supervisor run -- " in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--escalation", "TERM/soon"), "'soon'"),
        (("--escalation", "TERM/1/KILL", "--grace", "2"), "both set the first rung"),
        (("--grace", "-1"), "--grace -1"),
        (("--rewrite", "TERM"), "--rewrite TERM"),
        (("--rewrite", "KILL:TERM"), "SIGKILL is never forwarded"),
        (("--stop-signal", "NOPE"), "--stop-signal NOPE"),
        (("--leftovers", "eat"), "eat"),
        (("--report", "out.pdf"), "out.pdf"),
        (("-v", "-q"), "contradict"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_usage_errors_start_nothing(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    code, _, err = run(["touch", str(tmp_path / "started")], *options)
    assert code == 2
    assert says in err
    assert "Traceback" not in err
    assert not (tmp_path / "started").exists()
