"""Programs in uncommon surroundings: exit code, output and errors are as without the agent."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import zipapp
from typing import TYPE_CHECKING

import pytest

from tests.agent.harness import Outcome, Worker, environment, injected, plain, some_of

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = some_of("3.8", "3.13")
HERE = sys.executable
NOBODY = 65534

PROGRAM = """
import asyncio, signal, sys, threading
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.ensure_future(asyncio.sleep(60))
    await asyncio.get_running_loop().run_in_executor(None, print, "in a thread")
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    await stop.wait()
    print("out", sys.flags.dev_mode, file=sys.stderr)
asyncio.run(main())
sys.exit(5)
"""


def in_any_time(outcome: Outcome) -> Outcome:
    """Without what asyncio's debug mode says of a step that takes 0.1 s, as on a busy machine."""
    status, out, err = outcome
    return status, out, "".join(line for line in err.splitlines(True) if not line.startswith("Executing <"))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("flags", "env"),
    [
        ((), {"HOME": None, "USER": None, "LOGNAME": None, "PATH": None}),
        (("-W", "error"), {}),
        (("-X", "dev"), {"PYTHONWARNINGS": "error", "PYTHONASYNCIODEBUG": "1"}),
        (("-bb", "-OO", "-B"), {"PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}),
        (("-q", "-s", "-u"), {"PYTHONMALLOC": "debug", "PYTHONTRACEMALLOC": "5", "LC_ALL": "C", "PYTHONUTF8": "0"}),
    ],
    ids=["no-home", "W-error", "dev", "OO-safe-path", "malloc-debug-C-locale"],
)
def test_flags_and_variables(python: str, flags: tuple[str, ...], env: dict[str, str | None]) -> None:
    result = injected(python, PROGRAM, *flags, env=env, hellos=1)
    assert in_any_time(result) == in_any_time(plain(python, PROGRAM, *flags, env=env))
    assert result[0] == 5


@pytest.mark.parametrize("python", PYTHONS)
def test_import_times_show_more_imports_and_nothing_else(python: str) -> None:
    status, out, err = injected(python, PROGRAM, "-X", "importtime", hellos=1)
    expected = plain(python, PROGRAM, "-X", "importtime")

    def split(text: str) -> tuple[set[str], list[str]]:
        lines = text.splitlines()
        imports = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
        return imports, [line for line in lines if not line.startswith("import time:")]

    assert (status, out, split(err)[1]) == (*expected[:2], split(expected[2])[1])
    assert split(err)[0] >= split(expected[2])[0]
    builtin = {"_imp", "_signal", "_socket", "atexit", "faulthandler", "gc", "_weakref"}
    assert split(err)[0] - split(expected[2])[0] <= {"sitecustomize", "__future__"} | builtin


@pytest.mark.parametrize("python", PYTHONS)
def test_a_zipapp_is_run(python: str, tmp_path: Path) -> None:
    source = tmp_path / "app"
    source.mkdir()
    (source / "__main__.py").write_text(PROGRAM + "\nraise SystemExit(len(sys.argv))")
    zipapp.create_archive(source, tmp_path / "app.pyz")
    program = [str(tmp_path / "app.pyz"), "one", "two"]
    assert injected(python, program, hellos=1) == plain(python, program)


def limit(what: int, soft: int) -> None:
    resource.setrlimit(what, (soft, soft))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("descriptors", [4, 5, 6, 8, 12, 32, 40])
def test_few_descriptors(python: str, descriptors: int) -> None:
    """A program that uses what it may use finds the same number of them free; from 32 on we take two."""
    code = """
import os, signal
print(signal.getsignal(signal.SIGURG), len(os.listdir("/proc/self/fd")) if NUMBER < 32 else "some")
try:
    while True: os.dup(1)
except OSError as error: print(error)
signal.raise_signal(signal.SIGTERM)
""".replace("NUMBER", str(descriptors)).replace("signal.raise_signal(", "os.kill(os.getpid(), ")

    def prepare() -> None:
        limit(resource.RLIMIT_NOFILE, descriptors)

    expected = plain(python, code, prepare=prepare)
    assert injected(python, code, prepare=prepare) == expected
    assert expected[0] == (-signal.SIGTERM if descriptors > 4 else expected[0])


@pytest.mark.parametrize("python", PYTHONS)
def test_no_file_may_grow(python: str, tmp_path: Path) -> None:
    """RLIMIT_FSIZE 0: neither the dump file nor kept code may kill the program by SIGXFSZ."""

    def prepare() -> None:
        limit(resource.RLIMIT_FSIZE, 0)

    env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(tmp_path)}  # no compiled code is found
    expected = plain(python, PROGRAM, env=env, prepare=prepare)
    assert injected(python, PROGRAM, env=env, prepare=prepare, hellos=1) == expected
    assert expected[0] == 5


DAEMON = """
import os, signal, sys, time
if os.fork(): os._exit(3)
os.setsid()
if os.fork(): os._exit(0)
out = os.dup(1)
os.dup2(out, 64)
os.closerange(3, 64)
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2): os.dup2(null, number)
os.umask(0); os.chdir("/")
os.write(64, b"daemon %d\\n" % null)
import asyncio, threading
asyncio.run(asyncio.sleep(0))
threading.Thread(target=os.write, args=(64, b"thread\\n")).start()
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_a_daemon(python: str) -> None:
    assert injected(python, DAEMON, hellos=3) == plain(python, DAEMON)


@pytest.mark.parametrize("python", PYTHONS)
def test_all_descriptors_closed_and_then_more(python: str) -> None:
    """Closed at the start, before signal and asyncio; and our number is a pipe's when the loop ends."""
    code = """
import os
os.closerange(3, 256)
ends = [os.pipe() for _ in range(4)]
import asyncio, signal
async def main():
    asyncio.ensure_future(asyncio.sleep(9))
    os.kill(os.getpid(), signal.SIGURG)
asyncio.run(main())
pid = os.fork()
if pid == 0: os._exit(0)
os.waitpid(pid, 0)
for read, write in ends:
    os.set_blocking(read, False)
    try: print(os.read(read, 9))
    except BlockingIOError: print("nothing")
    os.close(read); os.close(write)
"""
    result = injected(python, code, "-X", "dev", "-W", "error")
    assert in_any_time(result) == in_any_time(plain(python, code, "-X", "dev", "-W", "error"))
    assert result[1] == "nothing\n" * 4


def test_one_interpreter_becomes_another() -> None:
    last = "import os, signal; print(os.getpid(), signal.getsignal(signal.SIGURG)); raise SystemExit(4)"
    first, second = PYTHONS[0], PYTHONS[-1]
    code = f"import os; print(os.getpid()); os.execv({second!r}, [{second!r}, '-c', {last!r}])"
    with Worker(first, code) as worker:
        assert worker.end() == 4
        assert (worker.out.split(), worker.err) == ([str(worker.pid)] * 2 + ["0"], "")
        versions = [message.fields["python"][:4] for message in worker.all("hello")]
        assert versions == [os.path.basename(python)[6:] for python in (first, second)] or len(versions) == 2
    code = "import os; os.execv('/bin/sh', ['sh', '-c', 'trap \"exit 7\" URG; kill -URG $$; echo on'])"
    assert injected(first, code, hellos=1) == plain(first, code)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_worker_of_another_user() -> None:
    pythons = [sys._base_executable, "/usr/bin/python3"]  # type: ignore[attr-defined]  # the venv may be private
    able = [one for one in pythons if os.path.exists(one) and runs_as_nobody(one)]
    if not able:
        pytest.skip("no interpreter that the user nobody may run")
    code = PROGRAM.replace("sys.exit(5)", "import os; sys.exit(f'uid {os.getuid()}')")
    result = injected(able[0], code, user=NOBODY, hellos=1)
    assert result == plain(able[0], code, user=NOBODY)
    assert f"uid {NOBODY}" in result[2]


def runs_as_nobody(python: str) -> bool:
    try:
        run = subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY, check=False, env=environment(None))
    except OSError:
        return False
    return run.returncode == 0


def test_a_worker_that_drops_its_rights() -> None:
    """The folder is not reachable for what it forks then: no agent there, and nothing else."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    code = f"""
import os, signal, subprocess, sys
os.setgid({NOBODY}); os.setuid({NOBODY})
pid = os.fork()
if pid == 0: os._exit(6)
print(os.waitpid(pid, 0)[1] >> 8)
"""
    assert injected(HERE, code, hellos=1) == plain(HERE, code)


def test_coverage_sees_its_program_and_little_of_us(tmp_path: Path) -> None:
    """It starts before us (its .pth file) or after; of us it can know only the file that `site` imports."""
    pytest.importorskip("coverage")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    (tmp_path / "sitecustomize.py").write_text("import coverage\ncoverage.process_startup()\n")
    settings = tmp_path / "settings"
    settings.write_text(f"[run]\ndata_file = {tmp_path}/data\n")
    env = {"COVERAGE_PROCESS_START": str(settings), "PYTHONPATH": str(tmp_path)}
    runs = []
    for run in (plain, injected):
        outcome = run(HERE, [str(program)], env=env)
        _, report, _ = plain(HERE, ["-m", "coverage", "report", f"--data-file={tmp_path}/data"], cwd=tmp_path)
        rows = {tuple(line.split()) for line in report.splitlines() if ".py" in line}
        runs.append((outcome, {row for row in rows if not row[0].endswith("agent/boot/sitecustomize.py")}))
        (tmp_path / "data").unlink()
    assert runs[0] == runs[1]
    assert ("program.py", "11", "0", "100%") in runs[1][1]
