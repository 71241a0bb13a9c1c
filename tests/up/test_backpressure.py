"""A reader of `up` that is slow, stalls or goes away, and orphans that hold its pipes: bounded, counted, no delay."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, SUPERVISOR, children, gone, until
from tests.up.fleet import Up, environment
from tests.up.printing import FLOOD, drained, inline, line_of, lines_of, printing, stall


def test_a_slow_reader_holds_the_workers_up_and_loses_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[worker.w]\ncommand = {printing(100_000)}\nrestart = "never"'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        stall(fleet)
        assert "1 worker waits; read it, or set [log] overflow" in fleet.stderr
        assert "exited" not in fleet.stderr, "it waits in write(2)"
        text = drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
        assert fleet.stderr.count("nobody has read") == 1
    os.close(reader)
    assert lines_of(text, "w") == [line_of(1, number) for number in range(100_000)]


def test_what_is_dropped_is_counted_and_told_in_its_place(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[log]\noverflow = "drop"\n[worker.w]\ncommand = {printing(100_000)}\nrestart = "never"'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        fleet.saw("w exited with 0")  # it did not wait for us
        text = drained(reader).decode(errors="surrogateescape")
        assert fleet.wait() == 0
    os.close(reader)
    lines = lines_of(text, "w")
    dropped = 0
    shown: list[str] = []
    for line in lines:
        found = re.fullmatch(r"\[supervisor: (\d+) lines? dropped here, the reader was too slow\]", line)
        if found:
            dropped += int(found[1])
            assert len(shown) + dropped <= 100_000
        else:
            assert line == line_of(1, len(shown) + dropped), "the count stands where the lines are missing"
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
    config = f"[worker.w]\ncommand = {inline(_CRASHING)}\n{_LOOP}"
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        fleet.saw("w exited with 1")
        before = _descriptors(fleet.pid)
        until(lambda: any(_in_write(pid) for pid in children(fleet.pid)), "a start that waits for the reader")
        assert _descriptors(fleet.pid) <= before + 4
        fleet.send(signal.SIGTERM)
        text = drained(reader).decode()
        assert fleet.wait() in (0, 1)
        assert "dropped" not in fleet.stderr and "given up" not in fleet.stderr
    os.close(reader)
    lines = lines_of(text, "w")
    whole = _starts(tmp_path) - 1  # the last one was stopped
    assert whole >= 10
    for start in range(whole):
        mine = [line for line in lines if line.split()[0] == str(start)]
        assert [line.split()[1] for line in mine] == [*map(str, range(1000)), "unfinished"]
        assert mine[-1] == f"{start} unfinished", "a line of its own"


def test_a_crash_loop_whose_lines_may_be_dropped_goes_on(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    config = f'[log]\noverflow = "drop"\n[worker.w]\ncommand = {inline(_CRASHING)}\n{_LOOP}'
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        stall(fleet)
        before, begun = _descriptors(fleet.pid), _starts(tmp_path)
        until(lambda: _starts(tmp_path) > begun + 10, "further starts")
        # Those of an end that is not read yet are open for a moment.
        until(lambda: _descriptors(fleet.pid) <= before + 4, "no more descriptors than before")
        fleet.send(signal.SIGTERM)
        text = drained(reader).decode()
        assert fleet.wait() in (0, 1)
    os.close(reader)
    lines = lines_of(text, "w")
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
        "import os\nfrom supervisor.system.output.lanes import Output\nfrom supervisor.system.poller import Poller\n"
        "from supervisor.views.lines import Splitter\n"
        "output = Output(Poller(), Splitter, lambda text: output.message(text.encode() + b'\\n'))\n"
        "for n in range(50_000): output.message(b'%d ' % n + b'm' * 100 + b'\\n')\n"
        "os.write(1, b'%d\\n' % output._err.waiting)\n"
        "from supervisor.system.output.patience import Patience\noutput.finish(Patience())"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert int(process.stdout.readline()) < 2 << 20
        *said, last, _ = drained(process.stderr.fileno()).decode().split("\n")
        assert process.wait(PATIENCE) == 0
    assert [int(line.split()[0]) for line in said] == list(range(len(said)))
    assert last == f"{50_000 - len(said)} messages dropped here, the reader was too slow"


def test_a_reader_that_stalls_does_not_delay_the_kill(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    deaf = inline(f"import signal; signal.signal(15, signal.SIG_IGN)\n{FLOOD}")
    config = f"[worker.w]\ncommand = {deaf}\nstop.grace = 0.3"
    with Up(tmp_path, config, stdout=writer) as fleet:
        os.close(writer)
        stall(fleet)
        (pid,) = children(fleet.pid)
        fleet.send(signal.SIGTERM)
        until(lambda: gone(pid), "killed while nobody reads")
        drained(reader)
        assert fleet.wait() == 137
    os.close(reader)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, None])
def test_nobody_reads_at_the_end(asked: signal.Signals | None, tmp_path: Path) -> None:
    """The report is there at once; readers are waited for until somebody asks again; lost lines are counted."""
    reader, writer = os.pipe()
    polite = inline(f"import signal, sys; signal.signal(15, lambda *_: sys.exit(0))\n{FLOOD}")
    with Up(tmp_path, f"[worker.w]\ncommand = {polite}", "--report", "end.json", stdout=writer) as fleet:
        os.close(writer)
        stall(fleet)
        fleet.send(signal.SIGTERM)
        until((tmp_path / "end.json").exists, "the report")
        (shutdown,) = json.loads((tmp_path / "end.json").read_text())["shutdowns"]
        assert shutdown["outcome"] == "clean"
        if asked is None:
            assert fleet.alive() == [fleet.pid]
        else:
            fleet.send(asked)
        assert fleet.wait() == 0
        found = re.search(r"(\d+) lines of output were given up: nobody read on", fleet.stderr)
        assert found is not None and int(found[1]) > 100
        assert "shutdown of 1 worker" in fleet.stderr
    os.close(reader)


def test_a_reader_who_goes_on_at_the_end_loses_nothing(tmp_path: Path) -> None:
    """It was slow while the worker ran, and reads when the report is there."""
    count = 12_000
    program = f"import sys\nfor n in range({count}): print('%d' % n + 'x' * 90)"
    reader, writer = os.pipe()
    config = f'[worker.w]\ncommand = {inline(program)}\nrestart = "never"'
    with Up(tmp_path, config, "--no-prefix", "--report", "end.json", stdout=writer) as fleet:
        os.close(writer)
        until((tmp_path / "end.json").exists, "the report")
        lines = drained(reader).split(b"\n")
        assert fleet.wait() == 0
        assert "given up" not in fleet.stderr
    os.close(reader)
    assert [int(line.partition(b"x")[0]) for line in lines if line] == list(range(count))


def test_a_reader_that_goes_away_releases_the_workers(tmp_path: Path) -> None:
    """Like `supervisor up | head -1`: the workers go on, and what they print is dropped."""
    program = (
        FLOOD.replace("while True", "for _ in range(60000)") + "\nprint('finished', file=__import__('sys').stderr)"
    )
    reader, writer = os.pipe()
    with Up(tmp_path, f'[worker.w]\ncommand = {inline(program)}\nrestart = "never"', stdout=writer) as fleet:
        os.close(writer)
        stall(fleet)
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
