"""Runs ``supervisor drill`` as a process of its own and returns what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from supervisor.testing.result import Result, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DrillError", "Result", "drill"]


class DrillError(Exception):
    """The drill could not be carried out, or the program did not stay; the message is what the drill said."""


def drill(
    command: Sequence[str | os.PathLike[str]],
    *,
    runs: int = 5,
    warmup: int = 1,
    ready: str | None = None,
    after: float | None = None,
    grace: float | None = None,
    signal: str | None = None,
    seed: int | None = None,
    budget: Iterable[str] = (),
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    timeout: float | None = None,
) -> Result:
    """Stop ``command`` ``runs`` times and return what that says. Durations are seconds.

    ``ready`` says when the program is ready, as in ``tcp=127.0.0.1:8000``; without it, when it is quiet. ``env`` is
    the whole environment, ours without it. ``options`` are further ones of ``supervisor drill``. A demand of
    ``budget`` that is not kept makes ``result.passed`` false and raises nothing. Nothing is recorded in the history
    unless ``options`` say so.

    Raises DrillError when no run could be measured, subprocess.TimeoutExpired after ``timeout``.
    """
    given: list[tuple[str, object]] = [("--runs", runs), ("--warmup", warmup), ("--ready", ready), ("--after", after)]
    given += [("--grace", grace), ("--signal", signal), ("--seed", seed), *(("--budget", one) for one in budget)]
    argv = [sys.executable, "-m", "supervisor", "drill", "--history", "off"]
    argv += [word for name, value in given if value is not None for word in (name, str(value))]
    with TemporaryDirectory(prefix="sigdrain-drill-") as folder:
        report = os.path.join(folder, "report.json")
        argv += ["--report", report, *options, "--", *(os.fspath(word) for word in command)]
        environ = {"COLUMNS": "100", **(os.environ if env is None else env), "GITHUB_ACTIONS": ""}
        done = subprocess.run(
            argv, cwd=cwd, env=environ, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
        try:
            with open(report, encoding="utf-8") as file:
                document = json.load(file)
        except FileNotFoundError:
            raise DrillError(done.stderr.strip() or f"the drill ended with {done.returncode}") from None
    stopped = document["drill"]["stopped"]
    if stopped is not None:
        raise DrillError(f"{stopped}\n{done.stdout}{done.stderr}".strip())
    return read(document, done.stdout)
