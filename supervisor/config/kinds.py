"""Converts the value of one key, by the kind of its field: TOML in, what the specs hold out. Pure.

A converter returns None when it has reported the value as wrong (no TOML value is None).
"""

from __future__ import annotations

import re

from supervisor.config import durations
from supervisor.config.problems import nearest
from supervisor.core import ladder, signum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from supervisor.config.field import Field
    from supervisor.config.locate import Path
    from supervisor.config.problems import Problems

    Converter: TypeAlias = Callable[[object, Field, "Report"], object]

# setrlimit(2); what CPython's resource module can set on Linux.
LIMITS = "as core cpu data fsize memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
UNLIMITED = -1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

# MAX_ARG_STRLEN of execve(2), its NUL included: the longest argument that a program can be given.
LONGEST_ARGUMENT = 131072
_NO_ARGUMENT = "holds a NUL character or is 128 KiB long, which no argument can be (execve(2))"

# Words that only a shell understands; in an argument list they reach the program as they are.
_SHELL_WORDS = frozenset("| || & && ; > >> < << 2> 2>&1 >&2 &> |&".split())
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


class Report:
    """Where converters say what is wrong with the value at ``path``; ``sub`` leads further into it."""

    def __init__(self, problems: Problems, path: Path) -> None:
        self._problems = problems
        self._path = path

    def at(self, *sub: str | int) -> Report:
        """Return the same for a part of the value."""
        return Report(self._problems, (*self._path, *sub))

    def bad(self, message: str, *sub: str | int, hint: str = "") -> None:
        self._problems.value((*self._path, *sub), message, hint)

    def bad_key(self, message: str, *sub: str | int, hint: str = "") -> None:
        """Report that the last part of ``sub`` itself is wrong, not what it is set to."""
        self._problems.key((*self._path, *sub), message, hint)

    def warn(self, message: str, *sub: str | int, hint: str = "") -> None:
        self._problems.warn((*self._path, *sub), message, hint)


def shown(value: object) -> str:
    """Return a TOML value as a complaint names it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:39]}…"'
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a table"
    # A number with more than 4300 digits has no decimal text (sys.set_int_max_str_digits): 0xfff… may be one.
    return f"{value}" if not isinstance(value, int) or abs(value) < 10**40 else "a number of more than 40 digits"


def _text(value: object, _: Field, report: Report) -> str | None:
    if not isinstance(value, str) or not value:
        hint = f'write it in quotes: "{shown(value)}"' if isinstance(value, int) else ""
        report.bad(f"must be a non-empty string, not {shown(value)}", hint=hint)
    elif "\0" in value:
        report.bad("holds a NUL character, which no path, name or argument can")
    else:
        return value
    return None


def _name(value: object, _: Field, report: Report) -> str | None:
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    report.bad(f"must be up to 63 letters, digits, _ and -, not {shown(value)}")
    return None


def _flag(value: object, _: Field, report: Report) -> bool | None:
    if isinstance(value, bool):
        return value
    report.bad(f"must be true or false, not {shown(value)}")
    return None


def _whole(value: object, field: Field, report: Report) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and _in_range(value, field):
        return value
    report.bad(f"must be a whole number{_range(field)}, not {shown(value)}")
    return None


def _number(value: object, field: Field, report: Report) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and _in_range(value, field):
        return float(value)
    report.bad(f"must be a number{_range(field)}, not {shown(value)}")
    return None


def _duration(value: object, _: Field, report: Report) -> float | None:
    seconds = durations.of(value)
    if seconds is not None:
        return seconds
    report.bad(
        f"must be {durations.WANTED}, not {shown(value)}", hint='write seconds, or a text such as "1m30s" or "500ms"'
    )
    return None


def _choice(value: object, field: Field, report: Report) -> str | None:
    if isinstance(value, str) and value in field.choices:
        return value
    meant = nearest(value, field.choices) if isinstance(value, str) else ""
    guess = f', did you mean "{meant}"?' if meant else ""
    *most, last = (f'"{choice}"' for choice in field.choices)
    report.bad(f"must be {', '.join(most)} or {last}, not {shown(value)}{guess}")
    return None


def _ladder(value: object, field: Field, report: Report) -> ladder.Ladder | None:
    # Only the number form is not a text in TOML: escalation = 20 is short for TERM/20/KILL.
    text = shown(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        report.bad(f"must be a string such as {field.example}, not {shown(value)}")
        return None
    try:
        return ladder.parse(text)
    except ladder.LadderError as error:
        report.bad(f"is not a valid escalation: {error}")
    return None


def _signal(value: object, field: Field, report: Report) -> int | None:
    if isinstance(value, str):
        number = signum.number(value)
        if number is not None and number not in (signum.STOP, signum.CHLD):
            return number
        if number is None:
            meant = nearest(value.upper().removeprefix("SIG"), (name[3:] for name in signum.NUMBERS))
            guess = f', did you mean "{meant}"?' if meant else ""
            report.bad(f"must be a signal such as {field.example}, not {shown(value)}{guess}")
        else:
            report.bad(f"cannot be {shown(value)}: it never ends a process", hint="use TERM, INT, QUIT or HUP")
        return None
    report.bad(f"must be the name of a signal such as {field.example}, not {shown(value)}")
    return None


def _umask(value: object, field: Field, report: Report) -> int | None:
    if isinstance(value, str) and re.fullmatch("0?[0-7]{1,3}", value):
        return int(value, 8)
    report.bad(f"must be a string of octal digits such as {field.example}, not {shown(value)}")
    return None


def _command(value: object, _: Field, report: Report) -> tuple[str, ...] | None:
    return command(value, report)


def command(value: object, report: Report) -> tuple[str, ...] | None:
    """Return the arguments of a command, given as a list or as one text; None when it was reported."""
    if isinstance(value, str):
        return _split(value, report)
    if not isinstance(value, list):
        report.bad(f"must be a list of arguments or a string, not {shown(value)}")
        return None
    if not value or value[0] == "":
        report.bad("is empty; the first item is the program to run")
        return None
    words: list[str] = []  # with nothing for those that are wrong: the others are looked at further
    for index, word in enumerate(value):
        good = isinstance(word, str) and "\0" not in word and len(word) < LONGEST_ARGUMENT
        words.append(word if good else "")
        if not isinstance(word, str):
            report.bad(f"must be a string, not {shown(word)}", index, hint=_quote_hint(word))
        elif not good:
            report.bad(_NO_ARGUMENT, index)
    if len(words) == 1 and " " in words[0]:
        report.warn("is one argument with spaces in it", hint='write one item per argument: ["python3", "app.py"]')
    return tuple(words)


def _quote_hint(word: object) -> str:
    if isinstance(word, int | float):
        return f"arguments are strings: write {shown(word)!r}".replace("'", '"')
    return ""


def _split(text: str, report: Report) -> tuple[str, ...] | None:
    import shlex  # only for commands given as one text

    if "\0" in text or len(text) >= LONGEST_ARGUMENT:
        report.bad(_NO_ARGUMENT)
        return None
    try:
        words = shlex.split(text)
    except ValueError as error:
        report.bad(f"cannot be split: {str(error).lower()}", hint="write a list of arguments instead")
        return None
    if not words or not words[0]:
        report.bad("is empty; name the program to run")
        return None
    used = next((word for word in words if word in _SHELL_WORDS), None)
    if used:
        report.warn(
            f"is not run by a shell: {used} is passed to the program as an argument",
            hint='for a shell write ["sh", "-c", "…"]',
        )
    assigned = _ASSIGNMENT.fullmatch(words[0])
    if assigned:
        report.warn(
            f"is not run by a shell: {words[0]} would be the program's name",
            hint=f'write env = {{ {assigned[1]} = "{assigned[2]}" }}',
        )
    return tuple(words)


def _paths(value: object, field: Field, report: Report) -> tuple[str, ...] | None:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list):
        report.bad(f"must be a path or a list of paths such as {field.example}, not {shown(value)}")
        return None
    wrong = [n for n, path in enumerate(paths) if not isinstance(path, str) or not path or "\0" in path]
    for index in wrong:
        report.bad(f"must be a path, not {shown(paths[index])}", *((index,) if isinstance(value, list) else ()))
    return None if wrong else tuple(paths)


def _packages(value: object, field: Field, report: Report) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        report.bad(f"must be a list of packages such as {field.example}, not {shown(value)}")
        return None
    wrong = [index for index, name in enumerate(value) if not isinstance(name, str) or not name.isidentifier()]
    for index in wrong:
        report.bad(f"must be the name of a package, as it is imported, not {shown(value[index])}", index)
    return None if wrong else tuple(value)


def _env(value: object, field: Field, report: Report) -> dict[str, str] | None:
    if not isinstance(value, dict):
        report.bad(f"must be a table such as {field.example}, not {shown(value)}")
        return None
    found: dict[str, str] = {}
    for name, text in value.items():
        if not name or "=" in name or "\0" in name:
            report.bad_key(f'{shown(name)} is no name of a variable: it is empty or holds "=" or NUL', name)
        elif isinstance(text, str) and "\0" in text:
            report.bad("holds a NUL character, which no variable can (environ(7))", name)
        elif isinstance(text, str):
            found[name] = text
        elif isinstance(text, int) and not isinstance(text, bool) and abs(text) < 10**40:
            found[name] = str(text)
        else:
            # true could mean "1", "true" or "yes" to the program: we do not guess.
            report.bad(f"must be a string, not {shown(text)}", name, hint='write it in quotes, as "…"')
    return found  # what is right of it is looked at further


def _limits(value: object, field: Field, report: Report) -> dict[str, tuple[int, int]] | None:
    if not isinstance(value, dict):
        report.bad(f"must be a table such as {field.example}, not {shown(value)}")
        return None
    found: dict[str, tuple[int, int]] = {}
    for name, given in value.items():
        pair = given if isinstance(given, list) else [given, given]
        numbers = [_limit(part) for part in pair]
        if name not in LIMITS:
            meant = nearest(name.lower().removeprefix("rlimit_"), LIMITS)
            guess = f', did you mean "{meant}"?' if meant else ""
            report.bad_key(f'"{name}" is not a resource limit{guess}', name, hint=f"known: {', '.join(LIMITS)}")
        elif len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
            report.bad(f'must be a number, "unlimited" or [soft, hard], not {shown(given)}', name)
        elif numbers[1] != UNLIMITED and not 0 <= numbers[0] <= numbers[1]:
            report.bad("has a soft limit above its hard limit", name)
        else:
            found[name] = (numbers[0], numbers[1])
    return found if len(found) == len(value) else None


def _limit(part: object) -> int | None:
    if part == "unlimited":
        return UNLIMITED
    # 2**63 - 1 is the largest that TOML and setrlimit's callers agree on.
    return part if isinstance(part, int) and not isinstance(part, bool) and 0 <= part < 2**63 else None


def _codes(value: object, field: Field, report: Report) -> tuple[int, ...] | None:
    if not isinstance(value, list) or not value:
        report.bad(f"must be a list of exit codes such as {field.example}, not {shown(value)}")
        return None
    wrong = [
        index
        for index, code in enumerate(value)
        if not isinstance(code, int) or isinstance(code, bool) or not _in_range(code, field)
    ]
    for index in wrong:
        report.bad(f"must be an exit code from 0 to 255, not {shown(value[index])}", index)
    return None if wrong else tuple(value)


def _in_range(value: float, field: Field) -> bool:
    return (field.least is None or value >= field.least) and (field.most is None or value <= field.most)


def _range(field: Field) -> str:
    least = f" from {field.least:g}" if field.least is not None else ""
    return least + (f" to {field.most:.15g}" if field.most is not None else "")


CONVERTERS: dict[str, Converter] = {
    "text": _text,
    "path": _text,
    "name": _name,
    "flag": _flag,
    "whole": _whole,
    "number": _number,
    "duration": _duration,
    "choice": _choice,
    "ladder": _ladder,
    "signal": _signal,
    "umask": _umask,
    "command": _command,
    "paths": _paths,
    "packages": _packages,
    "env": _env,
    "limits": _limits,
    "codes": _codes,
}
