"""The examples of docs/findings.md as programs: text, how to stop it, which line is to be named."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
_SECTION = re.compile(
    r"^## (?P<code>[a-z-]+)\n\n(?P<severity>error|warning|note)\n(?P<body>.*?)(?=^## |\Z)", re.M | re.S
)
_EXAMPLE = re.compile(r"(?:<!-- (?P<how>[^>]*) -->\n)?```python\n(?P<program>.*?)```", re.S)


@dataclass(frozen=True)
class Section:
    """One code's section. ``line`` is the marked one, None where the page promises no line.

    ``needs``: what a test cannot count on, so the example is not run; another test stages the same.
    """

    code: str
    severity: str
    text: str
    program: str
    line: int | None
    grace: float
    options: tuple[str, ...]
    python: tuple[int, int]
    needs: str
    file: str


def sections() -> list[Section]:
    """All sections, in the page's order."""
    return [_section(match) for match in _SECTION.finditer(PAGE.read_text("utf-8"))]


def _section(match: re.Match[str]) -> Section:
    example = _EXAMPLE.search(match["body"])
    assert example is not None, match["code"]
    how = dict(part.strip().split(": ", 1) for part in (example["how"] or "").split(";") if part.strip())
    lines = example["program"].splitlines()
    marked = [number for number, line in enumerate(lines, 1) if line.endswith("# <- here")]
    major, minor = how.get("python", "3.8").split(".")
    return Section(
        code=match["code"],
        severity=match["severity"],
        text=match["body"],
        program=example["program"],
        line=marked[0] if marked else None,
        grace=float(how.get("grace", "10")),
        options=tuple(how.get("options", "").split()),
        python=(int(major), int(minor)),
        needs=how.get("needs", ""),
        file=how.get("file", match["code"].replace("-", "_") + ".py"),
    )
