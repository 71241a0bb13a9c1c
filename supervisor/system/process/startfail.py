"""Why a command could not be started, in words: what, where, what to do. Looks at the files to say it exactly."""

from __future__ import annotations

import errno
import os

from supervisor.core.events import StartFailed
from supervisor.core.spec import ExecSpec
from supervisor.core.visible import quoted
from supervisor.errors import SpawnError


def explain(spec: ExecSpec, failure: StartFailed, exit_code: int) -> SpawnError:
    """Return the error for a failed start. ``exit_code`` is 127, 126 or 125 (core.events.StartFailed.code)."""
    reason = os.strerror(failure.errno)
    if failure.stage == "cwd":
        return SpawnError(
            f"cannot start in folder {quoted(spec.cwd or '')}: {reason}",
            "create it, or choose another folder",
            exit_code,
        )
    if failure.stage == "fork":
        return SpawnError(
            f"cannot start a process: {reason}", "raise the limit of processes or of open files", exit_code
        )
    if failure.stage != "exec":
        return SpawnError(
            f"cannot set {failure.stage} of {quoted(spec.argv[0])}: {reason}",
            "fix it, or run as a user with that permission",
            exit_code,
        )
    return SpawnError(*_exec_words(spec.argv[0], failure), exit_code)


def _exec_words(command: str, failure: StartFailed) -> tuple[str, str]:
    path = failure.detail or command
    cannot = f"cannot start {quoted(command)}"
    if failure.errno == errno.ENOENT:
        interpreter = _interpreter(path) if "/" in path else None
        if interpreter is not None:
            return (
                f"cannot start {quoted(path)}: its interpreter {quoted(interpreter)} does not exist",
                "fix the #! line of the script, or install the interpreter",
            )
        if "/" in command:
            return (
                f"{cannot}: no such file",
                "check the path; it is relative to the working folder",
            )
        if " " in command:
            return f"{cannot}: not found in PATH", "the name has spaces: leave out its quotes"
        return (
            f"{cannot}: not found in PATH",
            "check the spelling, install it, or give its path",
        )
    if failure.errno == errno.ENOEXEC:
        return (
            f"cannot start {quoted(path)}: it is not a program and has no #! line",
            f"begin it with a line like #!/bin/sh, or run: sh {path}",
        )
    if failure.errno == errno.EACCES and os.path.isdir(path):
        return f"cannot start {quoted(path)}: it is a folder", "give the program inside it"
    if failure.errno == errno.EACCES:
        return (
            f"cannot start {quoted(path)}: permission denied",
            f"make it executable (chmod +x {path}), or look for a file system mounted noexec",
        )
    if failure.errno == errno.E2BIG:
        return (
            f"{cannot}: arguments and environment are too long",
            "shorten them (execve(2), limits)",
        )
    if failure.errno == errno.ENAMETOOLONG:
        return f"cannot start {quoted(path)}: its path is too long", "give a shorter path (NAME_MAX, PATH_MAX)"
    return f"cannot start {quoted(path)}: {os.strerror(failure.errno)}", "see execve(2), ERRORS"


def _interpreter(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:
        return None
    words = first[2:].split() if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else None
