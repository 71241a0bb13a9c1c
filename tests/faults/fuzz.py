"""Bad input to everything that reads: ``python -m tests.faults.fuzz [--count 20000] [--seed 0] [KIND …]``.

Each input meets the public entry in a process of its own, forked from one that has everything imported; the
control socket and the agent's channel are met on a running supervisor. Wrong is: a traceback, a hang, an exit code
that is not ours, a raw control character in our own words, an answer that is no JSON.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import pkgutil
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import inputs
from tests.faults.fuzz_live import agent, control

# Seconds that one input may take before it counts as a hang. Generous: a machine is busy.
HANG = 20
# What a terminal obeys or shows in another order: C0 but newline and tab, DEL, C1, bidirectional controls.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
CODES = {0, 1, 2, 3, 125, 126, 127}
BASE = '[worker.w]\ncommand = ["true"]\nrestart = "never"\nenv_file = ["env"]\n'


def wrong(code: int | None, told: str, *, escapes: bool = True) -> str:
    """Return what is wrong with the end of a command and the words it said; "" when nothing is."""
    if code is None:
        return "hangs"
    if "Traceback (most recent call last)" in told:
        return "traceback: " + told[told.index("Traceback") :][-600:]
    if code not in CODES:
        return f"exit code {code}: {told[-300:]}"
    if escapes and (raw := RAW.search(told)):
        return f"raw {raw[0]!r}: {told[max(raw.start() - 80, 0) : raw.end() + 40]!r}"
    return ""


def attempt(argv: list[str], environ: dict[str, str], folder: Path) -> tuple[int | None, str]:
    """Exit code (None: it hangs) and words of the public entry, in a fork of this process."""
    out = folder.parent / "said"
    pid = os.fork()
    if pid == 0:
        _become(argv, environ, folder, out)
    code = _waited(pid)
    # Not ours to judge is what the command itself said, and that was `true`.
    return code, out.read_bytes().decode(errors="replace")


def _become(argv: list[str], environ: dict[str, str], folder: Path, out: Path) -> None:
    from supervisor import entry

    code = 99
    try:
        os.setsid()
        os.chdir(folder)
        gc.freeze()  # what the test runner left to be collected would close descriptors that are others' by then
        null = os.open("/dev/null", os.O_RDONLY)
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number, fd in enumerate((null, file, file)):
            os.dup2(fd, number)
        sys.stdout, sys.stderr = (io.TextIOWrapper(io.FileIO(fd, "w"), write_through=True) for fd in (1, 2))
        os.environ.update(environ)
        sys.argv = ["supervisor", *argv]
        code = entry.main(argv)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _waited(pid: int) -> int | None:
    until = time.monotonic() + HANG
    pidfd = os.pidfd_open(pid)
    try:
        import select

        if not select.select([pidfd], [], [], max(until - time.monotonic(), 0))[0]:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
    finally:
        os.close(pidfd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def one_config(draw: random.Random, folder: Path) -> tuple[str, str]:
    """A config through `check`; what it was, and what is wrong."""
    data = inputs.config(draw)
    (folder / "supervisor.toml").write_bytes(data)
    argv = ["check", *(["--json"] if draw.random() < 0.3 else [])]
    return repr(data), wrong(*attempt(argv, {}, folder))


def one_procfile(draw: random.Random, folder: Path) -> tuple[str, str]:
    """A Procfile through `check`."""
    data = inputs.procfile(draw)
    (folder / "Procfile").write_bytes(data)
    return repr(data), wrong(*attempt(["check", "Procfile"], {}, folder))


def one_env(draw: random.Random, folder: Path) -> tuple[str, str]:
    """An env file that a config names, through `check`."""
    data = inputs.envfile(draw)
    (folder / "supervisor.toml").write_text(BASE)
    (folder / "env").write_bytes(data)
    return repr(data), wrong(*attempt(["check"], {}, folder))


def one_command_line(draw: random.Random, folder: Path) -> tuple[str, str]:
    """A command line, with options in the environment; `run` and `up` really run `true`."""
    argv, environ = inputs.command_line(draw), inputs.variables(draw)
    (folder / "supervisor.toml").write_text(BASE)
    (folder / "env").write_text("A=b\n")
    environ["XDG_RUNTIME_DIR"] = str(folder)
    coloured = "always" in argv or "always" in environ.values()
    return repr((argv, environ)), wrong(*attempt(argv, environ, folder), escapes=not coloured)


ONE: dict[str, Callable[[random.Random, Path], tuple[str, str]]] = {
    "config": one_config,
    "procfile": one_procfile,
    "env": one_env,
    "options": one_command_line,
}


def fuzz(kind: str, count: int, seed: int = 0) -> list[str]:
    """Try ``count`` inputs of a kind; what went wrong, each with its input."""
    if kind == "control":
        return control(count, seed)
    if kind == "agent":
        return agent(count, seed)
    _import_all()
    failures = []
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            folder = Path(name, "here")
            folder.mkdir()
            given, fault = ONE[kind](random.Random(f"{seed} {number}"), folder)
        if fault:
            failures.append(f"{kind} {number}: {fault}\n    {given[:1500]}")
    return failures


def _import_all() -> None:
    """Import here what reads input, so that no fork has to: most of an input's time would go there."""
    import supervisor

    for module in pkgutil.walk_packages(supervisor.__path__, "supervisor."):
        if module.name.split(".")[1] in ("cli", "config", "core", "views"):
            importlib.import_module(module.name)


KINDS = (*ONE, "control", "agent")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", default=KINDS, metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    bad = 0
    for kind in asked.kinds:
        began = time.monotonic()
        failures = fuzz(kind, asked.count, asked.seed)
        bad += len(failures)
        print("\n".join(failures), flush=True)
        print(f"{kind}: {asked.count} inputs, {len(failures)} wrong, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
