"""What tests with another user need."""

from __future__ import annotations

import tempfile
from pathlib import Path


def enterable(folder: Path) -> Path:
    """Let every user enter this folder and pytest's own folders above it; return it."""
    for one in (folder, *folder.parents):
        if one in (Path(tempfile.gettempdir()), Path("/")):
            break
        one.chmod(one.stat().st_mode | 0o055)
    return folder
