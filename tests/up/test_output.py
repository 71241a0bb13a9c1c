"""The workers' output on its way through `up`: no line split, lost or reordered, whoever reads it and however."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import SUPERVISOR, status, until
from tests.up.fleet import Up
from tests.up.printing import FLOOD, drained, inline, line_of, lines_of, printing, stall

# ------------------------------------------------------------------ how it looks


def test_prefixes_streams_and_colour(tmp_path: Path) -> None:
    config = '[worker.a]\ncommand = ["sh", "-c", "echo out; echo err >&2"]\nrestart = "never"'
    with Up(tmp_path, config) as fleet:
        assert fleet.wait() == 0
        assert fleet.stdout == "a          | out\n"
        assert "a          | err\n" in fleet.stderr and "\x1b" not in fleet.stderr
    with Up(tmp_path, config, "--color", "always") as fleet:
        assert fleet.wait() == 0
        assert re.fullmatch("\x1b\\[0;\\d\\dma          \\| \x1b\\[0mout\n", fleet.stdout)
    with Up(tmp_path, config, "--no-prefix") as fleet:
        assert fleet.wait() == 0
        assert fleet.stdout == "out\n"
        assert "\nerr\n" in "\n" + fleet.stderr


@pytest.mark.parametrize(("when", "end"), [("utc", "Z"), ("offset", "+05:30")])
def test_json_lines(tmp_path: Path, when: str, end: str) -> None:
    config = (
        f'[log]\ntime = "{when}"\n[worker.a]\ninstances = 2\nrestart = "never"\n'
        'command = ["sh", "-c", "echo \'one \\"two\\"\'; printf \'\\\\303\\\\244\\\\377\' >&2"]'
    )
    with Up(tmp_path, config, "--log-format", "json", env={"TZ": "Asia/Kolkata"}) as fleet:
        assert fleet.wait() == 0
        out = [json.loads(line) for line in fleet.stdout.splitlines()]
        said = [json.loads(line) for line in fleet.stderr.splitlines() if line.startswith("{")]
    assert {one["instance"] for one in out} == {1, 2}
    assert {(one["worker"], one["stream"], one["line"]) for one in out} == {("a", "stdout", 'one "two"')}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}" + re.escape(end), one["at"]) for one in out)
    assert {(one["line"], one["bytes"]) for one in said if one["worker"] == "a"} == {("ä\ufffd", "w6T/")}
    assert any(one["worker"] == "supervisor" and "exited with 0" in one["line"] for one in said)


def test_the_end_of_json_lines_is_json_too(tmp_path: Path) -> None:
    """Also with a command line that is no UTF-8; and nothing to tell is no line."""
    stubborn = """["sh", "-c", "trap '' TERM; echo ready >&2; sleep 60; sleep 60", "${WEIRD}"]"""
    config = f'[worker.odd]\ncommand = {stubborn}\nstop.escalation = "TERM/0.2/KILL"'
    with Up(tmp_path, config, "--log-format", "json", env={"WEIRD": "caf\udce9"}) as fleet:
        fleet.saw("ready")
        fleet.ended()
        lines = fleet.stderr.splitlines()
        assert any("had to be killed" in json.loads(line)["line"] for line in lines)
    with Up(tmp_path, f"[worker.short]\ncommand = {inline('pass')}", "--log-format", "json") as fleet:
        assert fleet.wait() == 0
        assert [line for line in fleet.stderr.splitlines() if not json.loads(line)["line"]] == []


# ------------------------------------------------------------------ nothing lost


def test_many_workers_at_once_lose_nothing(tmp_path: Path) -> None:
    """16 workers, 100 000 lines, stdout and stderr on one pipe."""
    config = f'[worker.w]\ncommand = {printing(3125, "both")}\ninstances = 16\nrestart = "never"'
    reader, writer = os.pipe()
    with Up(tmp_path, config, stdout=writer, stderr=writer) as fleet:
        os.close(writer)
        text = drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    os.close(reader)
    for number in range(1, 17):
        lines = lines_of(text, f"w.{number}")
        for fd in (1, 2):
            assert [line for line in lines if line.startswith(f"{fd}-")] == [line_of(fd, n) for n in range(3125)]
    others = [line for line in text.split("\n") if line and not line.startswith("w.")]
    assert all(re.fullmatch(r"supervisor \| \S+ w\.\d+ exited with 0", line) for line in others), others[:3]


def test_last_words(tmp_path: Path) -> None:
    """A last line without newline, and what was written in the instant before death."""
    program = "import os, signal; os.write(1, b'z' * 60000 + b'\\nlast'); os.kill(os.getpid(), signal.SIGKILL)"
    with Up(tmp_path, f'[worker.a]\ncommand = {inline(program)}\nrestart = "never"') as fleet:
        assert fleet.wait() == 137
        assert lines_of(fleet.stdout, "a") == ["z" * 60000, "last"]


def test_long_lines_are_split_and_marked(tmp_path: Path) -> None:
    size = 1 << 20
    lengths = (size, size + 1, 2 * size + 5, 3)
    program = f"import sys\nfor n in {lengths}: sys.stdout.write('a' * n + '\\n')"
    with Up(tmp_path, f'[worker.a]\ncommand = {inline(program)}\nrestart = "never"', "--no-prefix") as fleet:
        assert fleet.wait() == 0
        found = fleet.stdout.splitlines()
    mark = " [supervisor: a line over 1 MiB goes on below]"
    a = "a"
    assert [len(line) for line in found] == [
        len(a * size), *(len(a * size + mark), 1), *(len(a * size + mark),) * 2, 5, 3
    ]  # fmt: skip


def test_100_mb_without_a_newline_need_no_memory(tmp_path: Path) -> None:
    program = "import os\nfor _ in range(100): os.write(1, b'b' * 1000000)\nopen('done', 'w').close()\ninput()"
    os.mkfifo(tmp_path / "f")
    config = f'[worker.a]\ncommand = ["sh", "-c", "exec {sys.executable} -ES big.py < f"]\nrestart = "never"'
    (tmp_path / "big.py").write_text(program)
    with open(os.devnull, "wb") as null, Up(tmp_path, config, stdout=null) as fleet:
        keep = os.open(tmp_path / "f", os.O_RDWR)
        until((tmp_path / "done").exists, "all written")
        peak = int(status(fleet.pid)["VmHWM"].split()[0])
        assert peak < 60_000, f"{peak} kB"
        assert fleet.ended() in (0, 1, 130)
        os.close(keep)


# ------------------------------------------------------------------ what stdout is


def test_a_full_disk_is_told_once_and_lines_come_again(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mount is not permitted here")
    try:
        (disk / "big").write_bytes(b"x" * 40_000)
        program = (
            FLOOD.replace("while True", "for _ in range(2000)")
            + "\nos.write(2, b'1\\n'); open('f').read(); print('e')"
        )
        config = f'[worker.w]\ncommand = {inline(program)}\nrestart = "never"'
        os.mkfifo(tmp_path / "f")
        with open(disk / "log", "wb") as log, Up(tmp_path, config, stdout=log) as fleet:
            fleet.saw("cannot write our stdout: No space left on device")
            fleet.saw("| 1\n")
            (disk / "big").unlink()
            (tmp_path / "f").write_text("")
            assert fleet.wait() == 0
            assert fleet.stderr.count("No space left") == 1
        lines = (disk / "log").read_text().split("\n")
        assert lines[-2:] == ["w          | e", ""], "there is room again"
        assert all(line.startswith("w          | ") for line in lines[:-1])
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_dev_full(tmp_path: Path) -> None:
    with (
        open("/dev/full", "wb") as full,
        Up(tmp_path, f'[worker.w]\ncommand = {printing(1000)}\nrestart = "never"', stdout=full) as fleet,
    ):
        assert fleet.wait() == 0
        assert fleet.stderr.count("No space left on device") == 1


def test_a_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, Up(tmp_path, f'[worker.w]\ncommand = {printing(20_000)}\nrestart = "never"', stdout=theirs) as fleet:
        theirs.close()
        text = drained(ours.fileno()).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    assert lines_of(text, "w") == [line_of(1, number) for number in range(20_000)]


def test_our_descriptors_stay_as_the_shell_gave_them(tmp_path: Path) -> None:
    """O_NONBLOCK belongs to the open file, which the shell shares: `cat` after us would fail."""
    reader, writer = os.pipe()
    before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (reader, writer)]
    with Up(tmp_path, f"[worker.w]\ncommand = {printing(100_000)}", stdout=writer) as fleet:
        stall(fleet)
        assert [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (reader, writer)] == before
        os.close(reader)
        fleet.ended()
    assert fcntl.fcntl(writer, fcntl.F_GETFL) == before[1]
    os.close(writer)


def test_closed_streams(tmp_path: Path) -> None:
    """Started with stdin, stdout and stderr closed, nothing of ours gets their numbers."""
    config = (
        '[worker.w]\ncommand = ["sh", "-c", "echo lost; echo lost >&2; ls -l /proc/self/fd > fds"]\nrestart = "never"'
    )
    with Up(tmp_path, config, argv=["sh", "-c", f"exec {SUPERVISOR} up --report r.json 0<&- 1>&- 2>&-"]) as fleet:
        assert fleet.wait() == 0
    assert (tmp_path / "r.json").exists()
    assert "pipe:" in (tmp_path / "fds").read_text()


# ------------------------------------------------------------------ orphans


def test_an_orphan_that_holds_the_pipe_does_not_hold_us(tmp_path: Path) -> None:
    config = (
        '[worker.w]\ncommand = ["sh", "-c", "(sleep 0.3; echo late; exec sleep 600) & echo early"]\n'
        'restart = "never"\nstop.leftovers = "leave"\n[worker.good]\ncommand = "sleep 600"'
    )
    with Up(tmp_path, config) as fleet:
        fleet.phases(w="exited")
        fleet.saw("early", "late")
        assert fleet.ended() == 0
    config = config.replace("[worker.good]", "[worker.good]\nrestart = 'never'").replace('"sleep 600"', '"true"')
    with Up(tmp_path, config) as fleet:
        assert fleet.wait() == 0, "no end of file is waited for"
        until(lambda: fleet.alive() != [], "the orphan, which has no environment for a moment while it execs sleep")


def test_an_orphan_that_floods_us_does_not_hold_us(tmp_path: Path) -> None:
    config = '[worker.w]\ncommand = ["sh", "-c", "yes & exit 0"]\nrestart = "never"\nstop.leftovers = "leave"'
    with open(os.devnull, "wb") as null, Up(tmp_path, config, stdout=null) as fleet:
        assert fleet.wait() == 0
