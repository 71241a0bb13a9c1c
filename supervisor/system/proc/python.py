"""Looks into a running Python process that has no agent: which Python it is, its stacks, its asyncio tasks.

py-spy with ``--nonblocking`` (extra ``explain``) only reads the memory of the process (process_vm_readv(2)) and never
stops it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from supervisor.diagnosis.running.facts import Frame, Inside, PyThread
from supervisor.system.proc import reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from supervisor.diagnosis.running.facts import Facts

# A process that runs while it is read may give nonsense, which py-spy mostly notices: look again.
TRIES = 3
PATIENCE = 10.0  # seconds for one look of a tool: a process with thousands of threads takes some
_NAME = re.compile(r"/(?:python|pypy)(\d+\.\d+)?[\d.dt]*$")
_MAPPED = re.compile(rb"/(?:lib)?python(\d+\.\d+)")
INSTALL = "install it into the environment of supervisor: pip install py-spy"


def version(pid: int, exe: str | None) -> str | None:
    """Return ``"3.12"`` of a process that runs Python, ``""`` when its version is not known; None for other
    programs.
    """
    named = _NAME.search((exe or "").removesuffix(" (deleted)"))
    if named and named[1]:
        return named[1]
    # An embedded interpreter (uwsgi) or a frozen program has the library in its memory map.
    mapped = _MAPPED.search(reading.read(f"/proc/{pid}/maps", 1 << 20) or b"")
    if mapped:
        return mapped[1].decode()
    return "" if named else None


def numbers(version: str) -> tuple[int, ...]:
    """Return ``(3, 12)`` of ``"3.12"``; empty where it is not known."""
    return tuple(int(part) for part in version.split(".") if part)


def is_interpreter(exe: str) -> bool:
    """Return whether a program file is a Python interpreter's own, which can run other code, by its name."""
    return _NAME.search(exe) is not None


def look(facts: Facts, tree: tuple[str, ...] | None) -> Inside | None:
    """Return what the Python threads do, as far as can be read; None when the process is not Python.

    ``tree``: its await graph.
    """
    python = version(facts.pid, facts.exe)
    if python is None:
        return None
    label = python or None
    if facts.frozen or all(state in "tD" for state in facts.main.states):
        # Its memory can be read, but who traces it is at work there, or its pages may not come.
        return Inside(label, tree=tree, why="it is traced, frozen or held in the kernel", hint="end that first")
    tool = _py_spy()
    if tool is None:
        return Inside(label, "asyncio pstree" if tree else None, None, tree, "py-spy is not installed", INSTALL)
    found = _stacks(tool, facts.pid)
    if isinstance(found, str):
        why, hint = _refusal(found)
        return Inside(label, "asyncio pstree" if tree else None, None, tree, why, hint)
    return Inside(label, "py-spy and asyncio pstree" if tree else "py-spy", found, tree)


# ------------------------------------------------------------------ py-spy


def _py_spy() -> str | None:
    """Return the program beside our own Python, else on the path."""
    beside = os.path.join(os.path.dirname(sys.executable), "py-spy")
    return beside if os.access(beside, os.X_OK) else shutil.which("py-spy")


def _stacks(tool: str, pid: int) -> tuple[PyThread, ...] | str:
    """Return the process's threads, or why they are not known."""
    import json

    why = ""
    for _ in range(TRIES):
        done = _run([tool, "dump", "--pid", str(pid), "--json", "--nonblocking"])
        if isinstance(done, str):
            return done
        if done.returncode == 0:
            try:
                return _threads(json.loads(done.stdout))
            except (ValueError, TypeError, KeyError, AttributeError):
                why = "its answer cannot be read"
                continue
        why = next((line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()), "it failed")
    return why.removeprefix("Error: ")


def _threads(dump: Sequence[Any]) -> tuple[PyThread, ...]:
    """Return the threads of `py-spy dump --json`; its frames are innermost first, its names qualified on 3.11+."""
    return tuple(
        PyThread(
            tid=one.get("os_thread_id"),
            name=str(one.get("thread_name") or "?"),
            frames=tuple(
                Frame(str(frame["filename"]), int(frame["line"]), str(frame["name"]).rpartition(".")[2])
                for frame in reversed(one["frames"])
            ),
            active=bool(one.get("active")),
        )
        for one in dump
    )


def _refusal(why: str) -> tuple[str, str]:
    """Return what py-spy's first line of error means here, and what to do."""
    if "ermission" in why:
        scope = (reading.read("/proc/sys/kernel/yama/ptrace_scope", 16) or b"0").strip()
        if scope == b"3":
            return "this kernel lets nobody look into processes (ptrace_scope is 3)", "reboot with another setting"
        if scope in (b"1", b"2"):
            told = scope.decode()
            return f"this kernel lets only root look into other processes (ptrace_scope is {told})", "ask as root"
        return "py-spy may not look into it", "ask as root; in a container, with the capability SYS_PTRACE"
    return f"py-spy could not read it: {why}", "ask again; a process that computes is hard to read while it runs"


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes] | str:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE:.0f} s"
    except OSError as error:
        return str(error.strerror)
