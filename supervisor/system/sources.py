"""Lines of source files, for explanations: what stood at a place when it is asked for, read once per file."""

from __future__ import annotations

MOST_FILES = 64
MOST_BYTES = 4 << 20
_files: dict[str, list[str]] = {}


def line(file: str, number: int) -> str | None:
    """The text of a line (from 1) with its indentation, None when it cannot be read or is not there."""
    if file not in _files:
        if len(_files) >= MOST_FILES:
            _files.clear()
        _files[file] = _read(file)
    lines = _files[file]
    return lines[number - 1].rstrip() if 0 < number <= len(lines) else None


def _read(file: str) -> list[str]:
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            return source.read(MOST_BYTES).splitlines()
    except (OSError, ValueError):
        return []  # frozen, generated, gone, or a name with a NUL
