"""CPython's own tests with the agent and without: the same results, or the difference is listed.

`python -m tests.agent.neutrality [--python PATH]… [--probe] [--repeat N] [TEST…]`. Not a pytest file: the tests of
an interpreter take minutes; .ci/full runs it. Prints a Markdown table; exit code 1 when a test that passes (fails,
is skipped) without the agent does not do so with it, in any repetition.

`--probe` also arms the agent while the tests run: SIGURG every 0.3 s to each process that is live on the channel,
and a last time at the end of its tests, so that the whole teardown is exercised.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

from supervisor.system import inject
from supervisor.system.channel import Channel

TESTS = (
    "test_asyncio test_signal test_threading test_atexit test_subprocess test_concurrent_futures "
    "test_multiprocessing_spawn test_fork1 test_site"
).split()
LINE = re.compile(
    r"^(\w+) \(([\w.]+)\)(?: ?\(.*?\))?(?:\n.*?)? \.\.\. (ok|FAIL|ERROR|skipped.*|expected failure)", re.M
)
TOOK = 1800.0  # seconds for one test module


def run(python: str, test: str, probe: bool | None) -> tuple[dict[str, str], str]:
    """({test id: result}, verdict of the whole). ``probe`` None: without the agent."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
    folder = inject.make_folder()
    channel = Channel(folder)
    if probe is not None:
        env |= inject.environment(env, folder)
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(
            [python, "-m", "test", "-v", "--timeout", "600", test],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + TOOK
        while child.poll() is None and time.monotonic() < deadline:
            select.select([channel], [], [], 0.3)
            channel.read(time.monotonic())
            if probe:
                for pid in channel.pids():
                    if channel.live(pid):
                        try:
                            os.kill(pid, signal.SIGURG)
                        except ProcessLookupError:
                            pass
                time.sleep(0.3)
        child.kill()
        child.wait()
        output.seek(0)
        text = output.read()
    channel.close()
    inject.remove_folder(folder)
    results = {}
    for name, where, result in LINE.findall(text):
        results[f"{where}.{name}"] = result.partition(" ")[0]
    return results, f"exit {child.returncode}"


def compare(python: str, test: str, probe: bool, repeat: int) -> bool:
    """Print one row a test module; True when nothing differs."""
    plain: dict[str, set[str]] = {}
    ours: dict[str, set[str]] = {}
    verdicts: dict[str, set[str]] = {"off": set(), "on": set()}
    for _ in range(repeat):
        for kept, mode in ((plain, None), (ours, probe)):
            results, verdict = run(python, test, mode)
            verdicts["off" if mode is None else "on"].add(verdict)
            for name, result in results.items():
                kept.setdefault(name, set()).add(result)
    different = sorted(name for name in {*plain, *ours} if not ours.get(name, set()) <= plain.get(name, set()))
    missing = sorted(name for name in plain if name not in ours)
    said = ", ".join(f"{name}: {'/'.join(sorted(plain.get(name, {'-'})))} -> "
                     f"{'/'.join(sorted(ours.get(name, {'-'})))}" for name in [*different, *missing])  # fmt: skip
    print(
        f"| {os.path.basename(python)} | {test} | {len(plain)} | {'/'.join(sorted(verdicts['off']))} | "
        f"{'/'.join(sorted(verdicts['on']))} | {said or 'none'} |",
        flush=True,
    )
    # A test whose line another process's output cut in two is listed; the verdict of the module then decides.
    return not different and verdicts["on"] <= verdicts["off"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tests", nargs="*", default=TESTS)
    parser.add_argument("--python", action="append", help="an interpreter with its test package (repeatable)")
    parser.add_argument("--probe", action="store_true", help="arm the agent again and again")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    print("| interpreter | module | tests | without | with | differences |\n|---|---|---|---|---|---|")
    same = True
    for python in options.python or [sys.executable]:
        for test in options.tests:
            same = compare(python, test, options.probe, options.repeat) and same
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
