"""Whose code is whose: what the agent takes for the user's own, and what a thread is held up by besides its code."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.agent.harness import Worker, some_of

if TYPE_CHECKING:
    from pathlib import Path

PYTHONS = some_of("3.8", "3.11", "3.13", "3.14")
RUN = """
import asyncio
async def run():
    print("ready")
    await asyncio.sleep(3600)
def main():
    asyncio.run(run())
if __name__ == "__main__":
    main()
"""
FROM_HERE = '{"url": "file:///src", "dir_info": {}}'


def installed(folder: Path, name: str, *, from_elsewhere: bool = False, code: str = RUN) -> Path:
    """A package with a main module in a folder of installed packages, as pip leaves it."""
    site = folder / "site-packages"
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text(code)
    (site / name / "__main__.py").write_text(f"from {name} import main\nmain()\n")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}-1.0.dist-info/RECORD,,\n../../../bin/{name},,\n")
    if from_elsewhere:
        (info / "direct_url.json").write_text(FROM_HERE)
    (folder / "bin").mkdir(exist_ok=True)
    script = folder / "bin" / name
    script.write_text(f"import sys\nfrom {name} import main\nif __name__ == '__main__':\n    sys.exit(main())\n")
    return site


def place(worker: Worker) -> tuple[str | None, list[str], str]:
    """(started, own, function at which the one task is said to be)."""
    snapshot = worker.line("ready").probe().heard("snapshot").fields
    return snapshot["started"], snapshot["own"], snapshot["tasks"][0]["at"][2]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("how", ["-m", "script"])
def test_what_was_started_is_the_users_own(python: str, how: str, tmp_path: Path) -> None:
    site = installed(tmp_path, "shop")
    command = ["-m", "shop"] if how == "-m" else [str(tmp_path / "bin" / "shop")]
    with Worker(python, command, env={"PYTHONPATH": str(site)}) as worker:
        assert place(worker) == ("shop", [f"{site}/shop/"], "run")


@pytest.mark.parametrize(
    ("from_elsewhere", "named", "owned"), [(False, "", False), (True, "", True), (False, "job, asyncio", True)]
)
def test_a_servers_program_is_somebody_elses_unless_it_is_known_better(
    from_elsewhere: bool, named: str, owned: bool, tmp_path: Path
) -> None:
    code = "import uvicorn\nasync def job():\n    await uvicorn.wait()\n"
    site = installed(tmp_path, "job", from_elsewhere=from_elsewhere, code=code)
    server = """
import asyncio
async def wait():
    asyncio.get_running_loop().call_later(0.05, print, "ready")
    await asyncio.sleep(3600)
def main():
    import job
    asyncio.run(job.job())
"""
    installed(tmp_path, "uvicorn", code=server)
    env = {"PYTHONPATH": str(site), "SIGDRAIN_OWN": named}
    with Worker(PYTHONS[0], ["-m", "uvicorn"], env=env) as worker:
        assert place(worker) == ("uvicorn", [f"{site}/job/"] if owned else [], "job" if owned else "wait")


def test_a_program_of_its_own_was_started_by_nobody(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(RUN)
    with Worker(sys.executable, [str(program)]) as worker:
        started, _, function = place(worker)
        assert (started, function) == (None, "run")


@pytest.mark.parametrize(
    ("file", "owned"),
    [
        ("/app/shop.py", True),
        ("/app/_vendor/shop.py", False),
        ("/app/third_party/shop.py", False),
        ("/app/shop.pyx", False),
        ("/app/bin/shop", False),
        ("/app/bin/shop.py", True),
        ("/venv/lib/python3.11/site-packages/shop.zip/shop.py", False),
        ("/app/shop.zip/shop.py", True),
        ("<frozen runpy>", False),
        ("<string>", False),
    ],
)
def test_whose_code_a_file_is(file: str, owned: bool, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import os, signal, sys
code = compile("def wait():\\n    print('ready')\\n    while True: signal.pause()\\n", {file!r}, "exec")
exec(code)
wait()
""")
    with Worker(sys.executable, [str(program)]) as worker:
        at = worker.line("ready").probe().heard("snapshot").fields["threads"][0]["at"]
        assert (at[0] == file) is owned


def test_a_first_import_and_a_busy_cpu_are_told_from_a_blocked_loop(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("print('ready')\nimport time\nwhile True:\n    time.sleep(0.01)\n")
    code = f"""
import asyncio, os, sys
sys.path.insert(0, {str(tmp_path)!r})
os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
for _ in range(3):
    if not os.fork():
        while os.getppid() != 1: pass
        os._exit(0)
async def main():
    import slow
asyncio.run(main())
"""
    with Worker(sys.executable, code) as worker:
        worker.line("ready").probe()
        worker.until(lambda: any((one.fields["delayed"] or 0) > 0.01 for one in worker.all("thread-waiting")))
        assert worker.all("thread-waiting")[-1].fields["importing"] is True
        os.kill(worker.pid, signal.SIGKILL)
