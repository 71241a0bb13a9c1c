"""The workers' output on its way through `up`: no line split, lost or reordered, whoever reads it and however."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import PATIENCE, SUPERVISOR, children, gone, status, until
from up.fleet import Up, environment

PROGRAMS = Path(__file__).parent / "programs"
FLOOD = "import os\nwhile True: os.write(1, b'y' * 99 + b'\\n')"


def _printing(count: int, *more: str) -> list[str]:
    return [sys.executable, "-ES", str(PROGRAMS / "print_lines.py"), str(count), *more]


def _python(program: str) -> str:
    return json.dumps([sys.executable, "-ESc", program]).replace("$", "$$")


def _line(fd: int, number: int) -> str:
    return f"{fd}-{number}" + (" \udcff\udcfe\r" if number % 10 == 0 else " " + "x" * (number % 97))


def _worker(text: str, title: str) -> list[str]:
    """The lines of one worker, without prefix."""
    return [line.partition(" | ")[2] for line in text.split("\n") if line.partition(" ")[0] == title]


def _drained(fd: int, limit: int = 1 << 30) -> bytes:
    """Everything until the other end is closed."""
    data = b""
    while len(data) < limit and select.select([fd], [], [], PATIENCE)[0] and (chunk := os.read(fd, 1 << 16)):
        data += chunk
    return data


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
    assert {one["line"] for one in said if one["worker"] == "a"} == {"ä\udcff"}
    assert any(one["worker"] == "supervisor" and "exited with 0" in one["line"] for one in said)


# ------------------------------------------------------------------ nothing lost


def test_many_workers_at_once_lose_nothing(tmp_path: Path) -> None:
    """16 workers, 100 000 lines, stdout and stderr on one pipe."""
    config = f'[worker.w]\ncommand = {_printing(3125, "both")}\ninstances = 16\nrestart = "never"'
    reader, writer = os.pipe()
    with Up(tmp_path, config, stdout=writer, stderr=writer) as fleet:
        os.close(writer)
        text = _drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    os.close(reader)
    for number in range(1, 17):
        lines = _worker(text, f"w.{number}")
        for fd in (1, 2):
            assert [line for line in lines if line.startswith(f"{fd}-")] == [_line(fd, n) for n in range(3125)]
    others = [line for line in text.split("\n") if line and not line.startswith("w.")]
    assert all(re.fullmatch(r"supervisor \| w\.\d+ exited with 0", line) for line in others), others[:3]


def test_last_words(tmp_path: Path) -> None:
    """A last line without newline, and what was written in the instant before death."""
    program = "import os, signal; os.write(1, b'z' * 60000 + b'\\nlast'); os.kill(os.getpid(), signal.SIGKILL)"
    with Up(tmp_path, f'[worker.a]\ncommand = {_python(program)}\nrestart = "never"') as fleet:
        assert fleet.wait() == 137
        assert _worker(fleet.stdout, "a") == ["z" * 60000, "last"]


def test_long_lines_are_split_and_marked(tmp_path: Path) -> None:
    size = 1 << 20
    lengths = (size, size + 1, 2 * size + 5, 3)
    program = f"import sys\nfor n in {lengths}: sys.stdout.write('a' * n + '\\n')"
    with Up(tmp_path, f'[worker.a]\ncommand = {_python(program)}\nrestart = "never"', "--no-prefix") as fleet:
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


# ------------------------------------------------------------------ slow readers


def _stalled(fleet: Up) -> None:
    fleet.saw("nobody has read our output for 1 s")


def test_a_slow_reader_holds_the_workers_up_and_loses_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[worker.w]\ncommand = {_printing(100_000)}\nrestart = "never"'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        _stalled(fleet)
        assert "1 worker waits; read it, or set [log] overflow" in fleet.stderr
        assert "exited" not in fleet.stderr, "it waits in write(2)"
        text = _drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
        assert fleet.stderr.count("nobody has read") == 1
    os.close(reader)
    assert _worker(text, "w") == [_line(1, number) for number in range(100_000)]


def test_what_is_dropped_is_counted_and_told_in_its_place(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[log]\noverflow = "drop"\n[worker.w]\ncommand = {_printing(100_000)}\nrestart = "never"'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        fleet.saw("w exited with 0")  # it did not wait for us
        text = _drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    os.close(reader)
    lines = _worker(text, "w")
    dropped = 0
    shown: list[str] = []
    for line in lines:
        found = re.fullmatch(r"\[supervisor: (\d+) lines? dropped here, the reader was too slow\]", line)
        if found:
            dropped += int(found[1])
            assert len(shown) + dropped <= 100_000
        else:
            assert line == _line(1, len(shown) + dropped), "the count stands where the lines are missing"
            shown.append(line)
    assert dropped > 0 and len(shown) + dropped == 100_000


# Each start says who it is, 1000 lines long, and ends in the middle of a line.
_CRASHING = (
    "import os, sys\nstart = os.path.getsize('starts') if os.path.exists('starts') else 0\n"
    "open('starts', 'ab').write(b'x')\n"
    "for n in range(1000): print(start, n, 'y' * 90)\n"
    "print(start, 'unfinished', end='')\nsys.stdout.flush()\nsys.exit(1)"
)
_LOOP = "backoff.first = 0.001\nbackoff.max = 0.001\nbackoff.burst = 1000000"


def _starts(folder: Path) -> int:
    return (folder / "starts").stat().st_size if (folder / "starts").exists() else 0


def _descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def _in_write(pid: int) -> bool:
    """Whether it sleeps in write(2) (x86-64: 1, aarch64: 64)."""
    try:
        return Path(f"/proc/{pid}/syscall").read_text().split()[:2] in (["1", "0x1"], ["64", "0x1"])
    except (OSError, ProcessLookupError):
        return False


def test_a_crash_loop_waits_for_a_stalled_reader_too(tmp_path: Path) -> None:
    """Each start would bring two pipes and what an earlier one left in its own: the next one waits in write(2)."""
    reader, writer = os.pipe()
    config = f"[worker.w]\ncommand = {_python(_CRASHING)}\n{_LOOP}"
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        fleet.saw("w exited with 1")
        before = _descriptors(fleet.pid)
        until(lambda: any(_in_write(pid) for pid in children(fleet.pid)), "a start that waits for the reader")
        assert _descriptors(fleet.pid) <= before + 4
        fleet.send(signal.SIGTERM)
        text = _drained(reader).decode()
        assert fleet.wait() in (0, 1)
        assert "dropped" not in fleet.stderr and "given up" not in fleet.stderr
    os.close(reader)
    lines = _worker(text, "w")
    whole = _starts(tmp_path) - 1  # the last one was stopped
    assert whole >= 10
    for start in range(whole):
        mine = [line for line in lines if line.split()[0] == str(start)]
        assert [line.split()[1] for line in mine] == [*map(str, range(1000)), "unfinished"]
        assert mine[-1] == f"{start} unfinished", "a line of its own"


def test_a_crash_loop_whose_lines_may_be_dropped_goes_on(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[log]\noverflow = "drop"\n[worker.w]\ncommand = {_python(_CRASHING)}\n{_LOOP}'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        _stalled(fleet)
        before, begun = _descriptors(fleet.pid), _starts(tmp_path)
        until(lambda: _starts(tmp_path) > begun + 10, "further starts")
        assert _descriptors(fleet.pid) <= before + 4
        fleet.send(signal.SIGTERM)
        text = _drained(reader).decode()
        assert fleet.wait() in (0, 1)
    os.close(reader)
    lines = _worker(text, "w")
    dropped = sum(int(found[1]) for line in lines if (found := re.match(r"\[supervisor: (\d+) lines? dropped", line)))
    shown = sum(not line.startswith("[") for line in lines)
    whole = _starts(tmp_path) - 1
    assert 1001 * whole <= shown + dropped <= 1001 * (whole + 1)
    assert dropped > 5000


def test_orphans_that_hold_the_pipes_of_many_starts(tmp_path: Path) -> None:
    """All starts of a worker share two pipes while one is held: the descriptors do not run out."""
    config = f'[worker.w]\ncommand = ["sh", "-c", "sleep 600 & echo x >> starts; exit 1"]\n{_LOOP}'
    with Up(tmp_path, f'{config}\nstop.leftovers = "leave"') as fleet:
        until(lambda: _starts(tmp_path) >= 4, "two starts")
        before, begun = _descriptors(fleet.pid), _starts(tmp_path)
        until(lambda: _starts(tmp_path) >= begun + 40, "twenty more")
        assert _descriptors(fleet.pid) <= before + 4
        fleet.ended()


def test_our_own_messages_are_bounded_and_counted() -> None:
    """Nobody reads stderr, and there is always something to say."""
    program = (
        "import os\nfrom supervisor.system.output import Output\nfrom supervisor.system.poller import Poller\n"
        "from supervisor.views.lines import Splitter\n"
        "output = Output(Poller(), Splitter, lambda text: output.message(text.encode() + b'\\n'))\n"
        "for n in range(50_000): output.message(b'%d ' % n + b'm' * 100 + b'\\n')\n"
        "os.write(1, b'%d\\n' % output._err.waiting)\noutput.finish()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert int(process.stdout.readline()) < 2 << 20
        *said, last, _ = _drained(process.stderr.fileno()).decode().split("\n")
        assert process.wait(PATIENCE) == 0
    assert [int(line.split()[0]) for line in said] == list(range(len(said)))
    assert last == f"{50_000 - len(said)} messages dropped here, the reader was too slow"


def test_a_reader_that_stalls_does_not_delay_the_kill(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    deaf = _python(f"import signal; signal.signal(15, signal.SIG_IGN)\n{FLOOD}")
    config = f"[worker.w]\ncommand = {deaf}\nstop.grace = 0.3"
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        _stalled(fleet)
        (pid,) = children(fleet.pid)
        fleet.send(signal.SIGTERM)
        until(lambda: gone(pid), "killed while nobody reads")
        _drained(reader)
        assert fleet.wait() == 137
    os.close(reader)


def test_a_reader_that_goes_away_releases_the_workers(tmp_path: Path) -> None:
    """Like `supervisor up | head -1`: the workers go on, and what they print is dropped."""
    program = (
        FLOOD.replace("while True", "for _ in range(60000)") + "\nprint('finished', file=__import__('sys').stderr)"
    )
    reader, writer = os.pipe()
    with Up(tmp_path, f'[worker.w]\ncommand = {_python(program)}\nrestart = "never"', stdout=writer) as fleet:
        os.close(writer)
        _stalled(fleet)
        os.close(reader)
        assert fleet.wait() == 0
        assert "finished" in fleet.stderr
        assert "cannot write our stdout: Broken pipe; the workers' lines for it are dropped" in fleet.stderr


def test_head(tmp_path: Path) -> None:
    (tmp_path / "supervisor.toml").write_text(
        '[fleet]\nname = "t"\n[worker.w]\ncommand = ["sh", "-c", "seq 100000"]\nrestart = "never"'
    )
    found = subprocess.run(
        ["sh", "-c", f"{SUPERVISOR} up 2>err | head -n 1"],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert found.stdout == "w          | 1\n"
    assert "w exited with 0" in (tmp_path / "err").read_text()


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
        config = f'[worker.w]\ncommand = {_python(program)}\nrestart = "never"'
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
        Up(tmp_path, f'[worker.w]\ncommand = {_printing(1000)}\nrestart = "never"', stdout=full) as fleet,
    ):
        assert fleet.wait() == 0
        assert fleet.stderr.count("No space left on device") == 1


def test_a_socket(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, Up(tmp_path, f'[worker.w]\ncommand = {_printing(20_000)}\nrestart = "never"', stdout=theirs) as fleet:
        theirs.close()
        text = _drained(ours.fileno()).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    assert _worker(text, "w") == [_line(1, number) for number in range(20_000)]


def test_our_descriptors_stay_as_the_shell_gave_them(tmp_path: Path) -> None:
    """O_NONBLOCK belongs to the open file, which the shell shares: `cat` after us would fail."""
    reader, writer = os.pipe()
    before = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in (reader, writer)]
    with Up(tmp_path, f"[worker.w]\ncommand = {_printing(100_000)}", stdout=writer) as fleet:
        _stalled(fleet)
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
