"""`run --ready` and `--liveness`: what is asked of one command, and exit code 124 when it does not answer."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

from supervisor.cli.options import parse
from supervisor.cli.run import plan
from supervisor.core.readiness import Check, ReadySpec
from tests.support.processes import PATIENCE, SUPERVISOR, Wrapped, report, run, until

if TYPE_CHECKING:
    from pathlib import Path

SHELL = ("sh", "-c")


@pytest.mark.parametrize(
    ("options", "script", "code"),
    [
        (("--ready", "started"), "exit 3", 3),
        (("--ready", "after=10ms"), "sleep 0.2; exit 3", 3),
        (("--ready", "fd=3"), "echo >&3; sleep 0.2; exit 3", 3),
        (("--ready", "fd=READY"), 'eval "echo >&$READY"; sleep 0.2; exit 3', 3),
        (("--ready", "command=true"), "sleep 0.2; exit 3", 3),
        (("--ready", "fd=3", "--ready-timeout", "0.2"), "sleep 60", 124),
        (("--ready", "notify", "--ready-timeout", "200ms"), "sleep 60", 124),
        (("--ready", "tcp=127.0.0.1:1", "--ready-timeout", "0.3"), "trap 'exit 0' TERM; sleep 60 & wait", 124),
        (("--ready", "fd=3"), "exec 3>&-; sleep 60", 124),
        (("--ready", "fd=3"), "exit 7", 7),
    ],
)
def test_exit_codes(options: tuple[str, ...], script: str, code: int) -> None:
    assert run((*SHELL, script), *options)[0] == code


def test_a_start_timeout_is_told_and_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    options = ("--ready", "tcp=127.0.0.1:1", "--ready-timeout", "0.3", "--report", str(path))
    code, _, said = run((sys.executable, "-c", "import time\nwhile True:\n    time.sleep(9)"), *options)
    assert code == 124
    assert "not ready within 0.3 s: tcp 127.0.0.1:1: connection refused; stopping it" in said
    one = report(path)
    assert (one["asked_by"], one["ready"]) == ("start timeout", None)


def test_a_named_fd_is_none_that_the_command_inherits(tmp_path: Path) -> None:
    """Descriptors 3 and 5 are the command's own; it finds them as they were, and its pipe between them."""
    (tmp_path / "jobs").write_text("job\n")
    script = 'read -r one <&3; read -r two <&5; echo "$one $two $READY"; eval "echo >&$READY"'
    line = f"exec {SUPERVISOR} run --ready fd=READY --ready-timeout 5 -- sh -c '{script}' 3<jobs 5<jobs"
    done = subprocess.run([*SHELL, line], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "job job 4\n", "")


def test_a_timeout_alone_is_for_notify_under_a_manager() -> None:
    parsed = parse(["--ready-timeout", "5", "--", "true"], {})
    assert parsed is not None
    worker = plan(*parsed, init=False, managed=True).fleet.workers[0]
    assert worker.ready == ReadySpec(Check("notify"), timeout=5.0)


def test_a_log_line_passes_through_as_it_came() -> None:
    """Byte for byte, also what has no newline; ready comes from a line of either stream."""
    script = "printf '\\377x\\nlistening on 80\\n'; echo error >&2; printf 'no newline'; exit 5"
    options = ["--ready", "log=/on [0-9]+$/", "--ready-timeout", "5"]
    done = subprocess.run(
        [SUPERVISOR, "run", *options, "--", *SHELL, script], capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        5,
        b"\xffx\nlistening on 80\nno newline",
        b"error\n",
    )


def test_a_line_that_comes_in_pieces_is_found(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    script = "printf 'liste'; sleep 0.1; echo 'ning on 80'; sleep 0.1"
    assert run((*SHELL, script), "--ready", "log=listening on", "--report", str(path))[:2] == (0, "listening on 80\n")
    assert report(path)["ready"]["by"] == "log 'listening on'"


UNSEEN = ("--ready", "log=never printed")


def _stdout(wrapped: Wrapped) -> IO[bytes]:
    assert wrapped.process.stdout is not None
    return wrapped.process.stdout


def test_output_passes_through_while_its_line_goes_on() -> None:
    """A prompt has no newline; and what is longer than any line of `up` is left in one piece."""
    script = "printf '? '; read -r answer; head -c 3000000 /dev/zero; printf '\\n%s' $answer"
    with Wrapped((*SHELL, script), *UNSEEN, stdin=subprocess.PIPE) as wrapped:
        output = _stdout(wrapped)
        assert select.select([output], [], [], PATIENCE)[0]
        assert os.read(output.fileno(), 9) == b"? "
        rest, _ = wrapped.process.communicate(b"yes\n", PATIENCE)
        assert rest == bytes(3_000_000) + b"\nyes"
        assert (wrapped.process.returncode, wrapped.stderr) == (0, "")


def test_a_command_whose_reader_has_gone_gets_sigpipe() -> None:
    with Wrapped(("yes",), *UNSEEN) as wrapped:
        assert wrapped.line() == "y"
        _stdout(wrapped).close()
        assert wrapped.process.wait(PATIENCE) == -signal.SIGPIPE
        assert wrapped.stderr == ""


def test_a_slow_reader_gets_no_advice_about_a_file() -> None:
    """There is no configuration to set anything in. Once the reader goes, the command that waited ends, too."""
    with Wrapped(("yes",), *UNSEEN) as wrapped:
        until(lambda: "\n" in wrapped.stderr, "a sentence about the reader")
        assert wrapped.stderr.endswith("nobody has read our output for 1 s: 1 worker waits; read it\n")
        _stdout(wrapped).close()
        assert wrapped.process.wait(PATIENCE) == -signal.SIGPIPE


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ready", "redy"), "--ready redy: 'redy' is no check"),
        (("--ready", "log=/(a+)+/"), "repeats inside a repeat"),
        (("--ready", "tcp=shop:80"), "neither a literal address nor localhost"),
        (("--ready-timeout", "3"), "--ready-timeout is for a command with a check"),
        (("--ready-timeout", "x"), "--ready-timeout x: not a duration"),
        (("--ready", "fd=3", "--ready-timeout", "x"), "--ready-timeout x: not a duration"),
        (("--liveness", "log=x"), "--liveness log=x: cannot be asked again and again"),
    ],
)
def test_what_is_refused(options: tuple[str, ...], said: str) -> None:
    code, _, stderr = run(("true",), *options)
    assert code == 2
    assert said in " ".join(stderr.split())
