"""The Python interpreters of this machine, for workers on other versions than ours."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

# Folders with bin/pythonX.Y or pythonX.Y in them, separated by colons; searched before PATH and pyenv's versions.
VARIABLE = "SIGDRAIN_PYTHONS"
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


@cache
def find(version: str) -> str:
    """Path of an interpreter ``"3.9"``; skips the test where there is none."""
    given = [Path(entry) for entry in os.environ.get(VARIABLE, "").split(":") if entry]
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    search = [Path(entry) for entry in os.environ.get("PATH", "").split(":") if entry]
    for folder in (*given, *search, *sorted(pyenv.glob("*"))):
        for path in (folder / f"python{version}", folder / "bin" / f"python{version}"):
            if os.access(path, os.X_OK) and _is(str(path), version):
                return str(path)
    pytest.skip(f"no Python {version} on PATH, in {pyenv} or in the folders of {VARIABLE}")


def _is(path: str, version: str) -> bool:
    """A shim of a version manager may be there without the version behind it."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-Sc", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version
