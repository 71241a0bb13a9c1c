"""One program of plain/ or outside/ and what its header promises. Pure, but for reading the file.

The docstring tells the public report in our own words and its address; "GOOD" as its first word: the program ends
well and must get no warning and no error. Below it, one ``# KEY: value`` a line:

RUN      the command; {py} is the interpreter of the programs' environment, {bin} its folder of scripts, {port} and
         {other} free ports of 127.0.0.1, {file} and {name} this program with and without suffix
READY    a regular expression of its output
BEFORE   a helper that is started first and runs beside it; CLIENT another one, started when it is ready
OPTS     options of `supervisor run`; LADDER its escalation
SIGNAL   INT: Ctrl-C, as a terminal sends it, and once more after 3 s; else SIGTERM
TAKES    least seconds from the stop to the exit; SAID text that its output has, LOST text that it lacks: where these
         do not hold the program does not show any more what it was written for
EXPECT   code of the first finding (several with |), and words that this finding must have
NOT      a code that no finding may have

Each line that the first finding may name as its place ends with ``# <- here`` or ``# <- or here``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KEYS = frozenset("RUN READY BEFORE CLIENT OPTS LADDER SIGNAL TAKES SAID LOST EXPECT NOT".split())
LADDER = "TERM/3/KILL"  # of programs that name none; long enough for a sleeping poll of 1 s to be seen, short for us
MARK = re.compile(r"# <- (or )?here$")


class HeaderError(Exception):
    """A header that cannot be understood: names the file and the line."""


@dataclass(frozen=True)
class Case:
    path: Path
    good: bool
    marked: frozenset[int]  # lines
    run: str
    ready: str
    before: str | None
    client: str | None
    options: str
    ladder: str
    interrupt: bool
    takes: float | None  # seconds
    said: str | None
    lost: str | None
    codes: frozenset[str]  # empty: any
    words: str
    excluded: str | None

    @property
    def name(self) -> str:
        return self.path.stem


def read(path: Path) -> Case:
    """The program's header. Raises HeaderError."""
    lines = path.read_text("utf-8").splitlines()
    head: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if match := re.match(r"# ([A-Z]+): (.*)$", line):
            if match[1] not in KEYS or match[1] in head:
                raise HeaderError(f"{path}:{number}: {match[1]} is unknown or repeated")
            head[match[1]] = match[2]
    codes, _, words = head.get("EXPECT", "").partition(" ")
    case = Case(
        path=path,
        good=lines[0].startswith('"""GOOD'),
        marked=frozenset(number for number, line in enumerate(lines, 1) if MARK.search(line)),
        run=head.get("RUN", "{py} {file}"),
        ready=head.get("READY", "ready"),
        before=head.get("BEFORE"),
        client=head.get("CLIENT"),
        options=head.get("OPTS", ""),
        ladder=head.get("LADDER", LADDER),
        interrupt=head.get("SIGNAL") == "INT",
        takes=float(head["TAKES"]) if "TAKES" in head else None,
        said=head.get("SAID"),
        lost=head.get("LOST"),
        codes=frozenset(code for code in codes.split("|") if code),
        words=words,
        excluded=head.get("NOT"),
    )
    if not case.good and not case.marked and not case.codes:
        raise HeaderError(f"{path}: neither a marked line nor EXPECT")
    return case


def load(folder: Path, names: list[str] | None = None) -> list[Case]:
    """All programs of a folder, by name; with ``names`` those whose name begins with one of them."""
    cases = [read(path) for path in sorted(folder.glob("*.py"))]
    return [case for case in cases if not names or any(case.name.startswith(name) for name in names)]
