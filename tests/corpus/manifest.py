"""Reads what each corpus program says of itself: one ``# key: value`` per line at its top. Knows no rule.

The keys are explained in README.md beside this file. A program's truth may differ between interpreters:
``# at 3.8-3.11: expect=executor-outlives-loop; exit=1`` replaces fields for those versions.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent

Version = tuple[int, int]
Kind = Literal["bad", "good"]

CODES = frozenset(  # docs/findings.md has them all
    """
    no-signal-handler signal-ignored handler-displaced handler-not-run exit-by-reraised-signal
    exit-without-cleanup slow-task cancel-swallowed task-created-in-cancel-handler
    loop-closed-with-pending-tasks task-destroyed-pending loop-stopped-with-pending-tasks
    shielded-work-cut slow-asyncgen loop-blocked executor-outlives-loop executor-busy server-wait-closed
    unclosed-transport non-daemon-thread slow-atexit waits-for-child leaked-children output-blocked killed
    no-agent
    """.split()
)
# Asked for by the issue without a name ("those you find worth having"); the name is the project's.
PROPOSED = frozenset({"waits-for-nobody"})

MARK = re.compile(r"#\s*<-\s*(?P<alternative>or )?here(?::(?P<name>[\w.-]+))?\s*$")
KEY = re.compile(r"# (?P<key>[a-z]+(?: \d\.\d+(?:-\d\.\d+)?)?): (?P<value>.*)$")
VERSIONS: tuple[Version, ...] = ((3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13))
# Looked at when asked for by name: a range that ends with the last of VERSIONS goes on to it, `at 3.14` differs.
BEST_EFFORT: Version = (3, 14)


class ManifestError(Exception):
    """A header that cannot be understood: names the file and the key."""


@dataclass(frozen=True)
class Place:
    """A marked line. ``function`` is the enclosing function's bare name, or ``<module>``."""

    line: int
    function: str
    name: str
    alternative: bool


@dataclass(frozen=True)
class Override:
    first: Version
    last: Version
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Program:
    """One corpus program and what is true of it. Durations in seconds."""

    path: Path
    kind: Kind
    truth: str
    expect: str  # the code that must come first; "none" for a good program
    shape: str
    python: tuple[Version, Version]
    until: Version | None  # later versions do not show this, though `python` would reach them
    stop: str  # "TERM", "INT", or "none": it ends by itself
    accept: frozenset[str]  # codes that are as true as `expect` in the first place
    also: frozenset[str]  # codes allowed besides
    where: str | None  # function of the marked line; None: no line is asked for
    where_optional: bool  # the evidence may not show the line; if one is given it must be a marked one
    mark: str  # which named marker holds; "" is the plain one
    seconds: float | None  # true cost of the first finding on the critical path
    total: float | None  # stop (or ready, for `stop: none`) to exit, started bare
    exit: tuple[str, ...]  # exit statuses as subprocess gives them, or KILL: still there when grace is over
    packages: tuple[str, ...]
    drive: tuple[str, ...]
    grace: float
    prints: tuple[str, ...]  # must be in stdout or stderr
    silent: tuple[str, ...]  # must not be
    answer: str | None  # first line of the HTTP answer
    leaves: int  # child processes alive after the main process, bare
    places: tuple[Place, ...]
    overrides: tuple[Override, ...]

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.path.stem}"

    @property
    def must_be_killed(self) -> bool:
        return "KILL" in self.exit

    @property
    def firsts(self) -> frozenset[str]:
        """The codes that are right in the first place."""
        return self.accept | {self.expect}

    @property
    def lines(self) -> tuple[Place, ...]:
        """The marked place first, then those that are as right."""
        main = [place for place in self.places if not place.alternative and place.name == self.mark]
        return (*main, *(place for place in self.places if place.alternative and place.name == self.mark))

    def runs_on(self, version: Version) -> bool:
        return self.python[0] <= version <= (self.until or _reach(self.python[1]))

    def on(self, version: Version) -> Program:
        """The program with this interpreter version's truth."""
        program = self
        for override in self.overrides:
            if override.first <= version <= _reach(override.last):
                changes = {key: _value(self.path, key, text) for key, text in override.values}
                program = replace(program, **_expand(changes))  # type: ignore[arg-type]  # checked by _value
        return program


DEFAULTS = {
    "accept": "",
    "also": "",
    "where": "null",
    "mark": "",
    "seconds": "null",
    "total": "null",
    "exit": "0",
    "python": "3.8-3.13",
    "until": "null",
    "packages": "",
    "drive": "none",
    "grace": "10",
    "answer": "null",
    "leaves": "0",
    "prints": "",
    "silent": "",
}
REQUIRED = ("truth", "expect", "shape", "stop")


def load(folder: Path = HERE) -> list[Program]:
    """All programs, bad ones first, by name. Raises ManifestError."""
    kinds: tuple[Kind, ...] = ("bad", "good")
    return [read(path, kind) for kind in kinds for path in sorted((folder / kind).glob("*.py"))]


def read(path: Path, kind: Kind) -> Program:
    """One program's header. Raises ManifestError."""
    text = path.read_text("utf-8")
    raw, overrides = _header(path, text)
    unknown = raw.keys() - DEFAULTS.keys() - set(REQUIRED)
    missing = set(REQUIRED) - raw.keys()
    if unknown or missing:
        raise ManifestError(f"{path}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
    values = _expand({key: _value(path, key, text) for key, text in (DEFAULTS | raw).items()})
    values |= {"path": path, "kind": kind, "places": _places(text), "overrides": tuple(overrides)}
    return Program(**values)  # type: ignore[arg-type]  # each value was typed by _value


def _header(path: Path, text: str) -> tuple[dict[str, str], list[Override]]:
    raw: dict[str, str] = {}
    overrides = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("# "):
            break
        match = KEY.match(line)
        if match is None:
            raise ManifestError(f"{path}:{number}: not '# key: value'")
        key, value = match["key"], match["value"].strip()
        if key.startswith("at "):
            first, last = _range(path, key[3:])
            pairs = (part.partition("=") for part in value.split(";"))
            overrides.append(Override(first, last, tuple((k.strip(), v.strip()) for k, _, v in pairs)))
        elif key in raw:
            raise ManifestError(f"{path}:{number}: {key} is repeated")
        else:
            raw[key] = value
    return raw, overrides


def _value(path: Path, key: str, text: str) -> object:
    """The typed value of one key."""
    if key in ("accept", "also"):
        return frozenset(_words(text))
    if key in ("packages", "exit", "prints", "silent"):
        return tuple(_words(text))
    if key == "drive":
        return tuple(step.strip() for step in text.split(",") if step.strip() != "none")
    if key == "python":
        return _range(path, text)
    if key == "until":
        return None if text == "null" else _range(path, text)[1]
    if key in ("seconds", "total"):
        return None if text == "null" else float(text)
    if key == "grace":
        return float(text)
    if key == "leaves":
        return int(text)
    if key == "answer":
        return None if text == "null" else text
    if key in REQUIRED or key in ("where", "mark"):
        return text
    raise ManifestError(f"{path}: unknown key {key!r}")


def _expand(values: dict[str, object]) -> dict[str, object]:
    """``where: name?`` is two fields."""
    if "where" not in values:
        return values
    where = str(values["where"])
    name = where.rstrip("?")
    return values | {"where": None if name == "null" else name, "where_optional": where.endswith("?")}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _range(path: Path, text: str) -> tuple[Version, Version]:
    first, _, last = text.partition("-")
    try:
        return _version(first), _version(last or first)
    except ValueError:
        raise ManifestError(f"{path}: {text!r} is not a version range like 3.8-3.13") from None


def _reach(last: Version) -> Version:
    return BEST_EFFORT if last == VERSIONS[-1] else last


def _version(text: str) -> Version:
    major, minor = text.strip().split(".")
    return int(major), int(minor)


def _places(text: str) -> tuple[Place, ...]:
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    places = []
    for number, line in enumerate(text.splitlines(), 1):
        match = MARK.search(line)
        if match:
            around = [node for node in functions if node.lineno <= number <= (node.end_lineno or 0)]
            inner = max(around, key=lambda node: node.lineno, default=None)
            name = inner.name if inner else "<module>"
            places.append(Place(number, name, match["name"] or "", bool(match["alternative"])))
    return tuple(places)


def problems(program: Program) -> list[str]:
    """What is wrong with one program's manifest, in words; empty when it is consistent on every version."""
    found = []
    source = program.path.read_text("utf-8")
    if re.search(r"/(?:work|root|home|tmp/venv)\b", source):
        found.append("names a path of one machine")
    if "signal.alarm(" not in source:
        found.append("is not bounded by signal.alarm")
    unknown = {key for override in program.overrides for key, _ in override.values} - {
        field.name for field in fields(Program)
    }
    if unknown:
        return [*found, f"overrides unknown keys {sorted(unknown)}"]
    for version in VERSIONS:
        if program.runs_on(version):
            found += [f"{version[0]}.{version[1]}: {text}" for text in _contradictions(program.on(version))]
    return found


def _contradictions(program: Program) -> list[str]:
    found = []
    codes = program.firsts | program.also
    bad_codes = codes - CODES - PROPOSED - {"none"}
    if bad_codes:
        found.append(f"unknown codes {sorted(bad_codes)}")
    if (program.expect == "none") != (program.kind == "good"):
        found.append(f"expects {program.expect} among the {program.kind} ones")
    main = [place for place in program.places if not place.alternative and place.name == program.mark]
    wanted = 0 if program.where is None else 1
    if len(main) != wanted:
        found.append(f"{len(main)} markers {program.mark!r}, wanted {wanted}")
    elif main and main[0].function != program.where:
        found.append(f"the marker is in {main[0].function}, not in {program.where}")
    if program.must_be_killed and program.total is not None:
        found.append("must be killed, so it has no total")
    if not program.must_be_killed and program.total is None:
        found.append("has no total")
    if program.total is not None and program.seconds is not None and program.total + 0.05 < program.seconds:
        found.append("costs more than the whole shutdown")
    if program.total is not None and program.total > program.grace - 0.3:
        found.append("the grace period is too short for its total")
    return found
