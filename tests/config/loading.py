"""A config text on disk -> its specs."""

from __future__ import annotations

import os
from pathlib import Path

from supervisor.config.load import LoadedConfig, load
from supervisor.core.spec import WorkerSpec

ENVIRON = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/home/ada"}
WORKER = '[worker.api]\ncommand = ["sh"]\n'


def loaded(folder: Path, text: str, name: str = "supervisor.toml") -> LoadedConfig:
    (folder / name).write_text(text)
    return load(name, str(folder), ENVIRON)


def only(folder: Path, text: str) -> WorkerSpec:
    (worker,) = loaded(folder, text).fleet.workers
    return worker
