"""How a worker is known to be ready or alive, and on whom it depends: tables and texts -> what core holds. Pure.

First the shape of a value is checked (:func:`ready`, :func:`liveness`, :func:`depends_on`), where it stands in the
file; what it says is parsed when ``{port}`` and ``${VARIABLES}`` are filled in, for each instance (:func:`check`).
"""

from __future__ import annotations

from supervisor.config import durations
from supervisor.config.kinds import command, shown
from supervisor.config.problems import nearest
from supervisor.core import readiness
from supervisor.core.frozen import Frozen
from supervisor.core.readiness import ASKED, KINDS, LIVENESS, Check, CheckError, LivenessSpec, ReadySpec
from supervisor.core.spec import Dependency

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeAlias

    from supervisor.config.field import Field
    from supervisor.config.kinds import Converter, Report
    from supervisor.core.readiness import Kind

    Fill: TypeAlias = Callable[[str], str]

# What a text may hold of a line, and of a path: more is no pattern but a paste.
LONGEST_TEXT = 1000
CONDITIONS = ("started", "ready", "completed", "ended")
READY_KEYS = ("timeout", "try_timeout", "on_timeout")
LIVENESS_KEYS = ("interval", "try_timeout", "failures", "start_after")
_ALONE: tuple[Kind, ...] = ("started", "notify")
_OF_HTTP = ("status", "headers")
_EXAMPLE = 'write { http = "http://127.0.0.1:{port}/ready" } or "notify"'


class Wanted(Frozen):
    """A check as it stands in the file, nothing filled in: its kind, what it asks, and what else its table says."""

    kind: Kind
    asks: object = None
    options: Mapping[str, Any] = {}


def parse(text: str) -> Check:
    """Return the check of a text, as in ``tcp=127.0.0.1:8000`` (for `--ready`). Raises CheckError."""
    return check(_of_text(text), str)


def _of_text(text: str) -> Wanted:
    kind, equals, asks = text.partition("=")
    found = next((one for one in KINDS if one == kind), None)
    if found is None:
        meant = nearest(kind, KINDS)
        guess = f", did you mean {meant}?" if meant else ""
        raise CheckError(f"{kind!r} is no check{guess}; there are {', '.join(KINDS)}")
    if equals and found in _ALONE:
        raise CheckError(f"{found} takes no value")
    if not equals and found not in (*_ALONE, "fd"):
        raise CheckError(f"{found} needs a value, as in {found}=…")
    if found == "command":
        import shlex

        try:
            return Wanted(found, tuple(shlex.split(asks)))
        except ValueError as error:
            raise CheckError(f"the command cannot be split: {str(error).lower()}") from None
    return Wanted(found, int(asks) if found == "fd" and asks.isascii() and asks.isdecimal() else asks)


def check(wanted: Wanted, fill: Fill) -> Check:
    """Return the check, its texts filled in by ``fill``. Raises CheckError for what is none."""
    kind, asks, options = wanted.kind, wanted.asks, wanted.options
    listener = options.get("listener", "own")
    match kind:
        case "after":
            seconds = durations.parse(str(asks))
            if seconds is None:
                raise CheckError(f"{asks!r} is not a duration; write seconds, or a text such as 500ms or 1m30s")
            return Check(kind, seconds=seconds)
        case "log":
            return _log(str(asks), fill)
        case "fd":
            return Check(kind, fd=_descriptor(3 if asks in (None, "") else asks))
        case "tcp":
            host, port = readiness.address(fill(str(asks)))
            return Check(kind, host=host, port=port, listener=listener)
        case "unix":
            path = fill(str(asks))
            if not path:
                raise CheckError("the path of the socket is empty")
            return Check(kind, path=path, listener=listener)
        case "http":
            host, port, path = readiness.url(fill(str(asks)))
            headers = tuple((name, fill(text)) for name, text in options.get("headers", {}).items())
            status = options.get("status", readiness.OK_STATUS)
            return Check(kind, host=host, port=port, path=path, status=status, headers=headers, listener=listener)
        case "command":
            words: Any = asks
            if not words or not words[0]:
                raise CheckError("the command is empty")
            return Check(kind, argv=tuple(fill(word) for word in words))
    return Check(kind)


def _log(text: str, fill: Fill) -> Check:
    if not text:
        raise CheckError("the text that a line must hold is empty")
    if len(text) > 2 and text.startswith("/") and text.endswith("/"):
        problem = readiness.problem_of_regex(text[1:-1])
        if problem is not None:
            raise CheckError(f"the pattern {problem}")
        return Check("log", regex=text[1:-1])
    return Check("log", text=fill(text))


def _descriptor(asks: object) -> int | str:
    if isinstance(asks, int) and not isinstance(asks, bool):
        if not 3 <= asks <= 1023:
            raise CheckError("a descriptor is a number from 3 to 1023, or the name of a variable that holds it")
        return asks
    name = str(asks)
    if not (name.isascii() and name.isidentifier()):
        raise CheckError(f"{name!r} is neither a descriptor nor the name of a variable")
    return name


# ------------------------------------------------------------------ values of the config


def ready(value: object, _: Field, report: Report) -> Wanted | None:
    """Take ``"notify"``, ``"after=2s"`` or a table with one kind of check and what goes with it."""
    return _wanted(value, KINDS, READY_KEYS, report)


def liveness(value: object, _: Field, report: Report) -> Wanted | None:
    """Take a check that can be asked for again and again; ``watchdog`` is short for notify at an interval."""
    if isinstance(value, dict) and "watchdog" in value:
        others = {key: given for key, given in value.items() if key != "watchdog"}
        if set(others) & {*KINDS, "interval"}:
            report.bad("has another check, or an interval, beside watchdog", "watchdog", hint="keep one of them")
            return None
        value = {**others, "notify": True, "interval": value["watchdog"]}
    return _wanted(value, LIVENESS, LIVENESS_KEYS, report)


def _wanted(value: object, kinds: tuple[Kind, ...], keys: tuple[str, ...], report: Report) -> Wanted | None:
    if isinstance(value, str):
        try:
            wanted = _of_text(value)
            if not ("{" in value or "$" in value):
                check(wanted, str)
        except CheckError as error:
            report.bad(f"is not a check: {error}", hint=_EXAMPLE)
            return None
        if wanted.kind in kinds:
            return wanted
        report.bad(f"cannot be {wanted.kind} here; it can be {', '.join(kinds)}")
        return None
    if not isinstance(value, dict):
        report.bad(f"must be a text or a table, not {shown(value)}", hint=_EXAMPLE)
        return None
    chosen = [kind for kind in kinds if kind in value]
    if len(chosen) != 1:
        report.bad(f"has {len(chosen) or 'no'} checks; it needs one of {', '.join(kinds)}", hint=_EXAMPLE)
        return None
    kind = chosen[0]
    allowed = (*keys, *(("listener",) if kind in ASKED and kind != "command" else ()))
    allowed += _OF_HTTP if kind == "http" else ()
    asks, options = _asked(kind, value[kind], report), {}
    good = asks is not None
    for key, setting in value.items():
        if key == kind:
            continue
        if key not in allowed:
            meant = nearest(key, allowed)
            guess = f', did you mean "{meant}"?' if meant else ""
            report.bad_key(f'"{key}" does not belong to a check by {kind}{guess}', key)
            good = False
            continue
        options[key] = _option(key, setting, report)
        good = good and options[key] is not None
    return Wanted(kind, asks, options) if good else None


def _asked(kind: Kind, value: object, report: Report) -> object:
    """Return what a check asks, of the right type; None when it was reported."""
    if kind in _ALONE:
        if value is True:
            return ""
        report.bad(f"must be true, not {shown(value)}", kind)
        return None
    if kind == "command":
        return command(value, report.at(kind))
    if kind == "fd":
        try:
            return _descriptor(value)
        except CheckError as error:
            report.bad(f"is no descriptor: {error}", kind)
            return None
    if kind == "after" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:f}"
    if isinstance(value, str) and value and "\0" not in value and len(value) <= LONGEST_TEXT:
        return value
    report.bad(f"must be a text of at most {LONGEST_TEXT} characters, not {shown(value)}", kind)
    return None


def _option(key: str, value: object, report: Report) -> object:
    """Convert one setting beside the check; None when it was reported."""
    if key in ("timeout", "try_timeout", "interval", "start_after"):
        seconds = durations.of(value)
        if seconds is None or (seconds == 0 and key != "start_after"):
            report.bad(f"must be a duration above 0, not {shown(value)}", key)
            return None
        return seconds
    if key == "failures":
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000:
            return value
        report.bad(f"must be a whole number from 1 to 1000, not {shown(value)}", key)
        return None
    if key in ("on_timeout", "listener"):
        choices = ("fail", "continue") if key == "on_timeout" else ("own", "any")
        if value in choices:
            return value
        report.bad(f'must be "{choices[0]}" or "{choices[1]}", not {shown(value)}', key)
        return None
    return _status(value, report) if key == "status" else _headers(value, report)


def _status(value: object, report: Report) -> tuple[int, int] | None:
    """Return the first and the last status that are good, of ``204`` or ``"200-399"``."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        first, dash, last = value.partition("-")
        numbers = [first, last if dash else first]
        if all(one.isascii() and one.isdecimal() and len(one) == 3 for one in numbers):
            return int(numbers[0]), int(numbers[1])
    report.bad(f'must be a status or a range such as "200-299", not {shown(value)}', "status")
    return None


def _headers(value: object, report: Report) -> dict[str, str] | None:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        report.bad(f'must be a table such as {{ Host = "shop" }}, not {shown(value)}', "headers")
        return None
    for name, text in value.items():
        word = name.replace("-", "").replace("_", "")
        if not (word.isascii() and word.isalnum()) or "\r" in text or "\n" in text:
            report.bad("has a name or a value that no header can have", "headers", name)
            return None
    return value


def ready_spec(wanted: Wanted, fill: Fill) -> ReadySpec | None:
    """Build the spec of a worker's ``ready``; None for ``started``. Raises CheckError."""
    if wanted.kind == "started":
        return None
    given = {key: value for key, value in wanted.options.items() if key in READY_KEYS}
    return ReadySpec(check(wanted, fill), **given)


def liveness_spec(wanted: Wanted, fill: Fill) -> LivenessSpec:
    """Build the spec of a worker's ``liveness``. A watchdog that was missed once has failed. Raises CheckError."""
    given = {key: value for key, value in wanted.options.items() if key in LIVENESS_KEYS}
    if wanted.kind == "notify":
        given = {"failures": 1, **given}
    return LivenessSpec(check(wanted, fill), **given)


def depends_on(value: object, field: Field, report: Report) -> dict[str | int, Dependency] | None:
    """Take ``["db"]`` or ``{ db = { condition = "ready", restart = true } }``, by where each of them stands."""
    if isinstance(value, list):
        wrong = [index for index, name in enumerate(value) if not isinstance(name, str)]
        for index in wrong:
            report.bad(f"must be the name of a worker, not {shown(value[index])}", index)
        return None if wrong else {index: Dependency(name) for index, name in enumerate(value)}
    if not isinstance(value, dict):
        report.bad(f"must be a list of names or a table such as {field.example}, not {shown(value)}")
        return None
    found = {name: _dependency(name, given, report) for name, given in value.items()}
    good: dict[str | int, Dependency] = {name: one for name, one in found.items() if one is not None}
    return good if len(good) == len(found) else None


def _dependency(name: str, value: object, report: Report) -> Dependency | None:
    if isinstance(value, str):
        value = {"condition": value}
    if not isinstance(value, dict):
        report.bad(f'must be a table such as {{ condition = "ready" }}, not {shown(value)}', name)
        return None
    good, given = True, {}
    for key, setting in value.items():
        if key == "condition":
            right = setting in CONDITIONS
            expected = ", ".join(f'"{one}"' for one in CONDITIONS)
            meant = _COMPOSE.get(str(setting)) or nearest(str(setting), CONDITIONS)
        elif key in ("restart", "required"):
            right, expected, meant = isinstance(setting, bool), "true or false", ""
        else:
            meant = nearest(key, ("condition", "restart", "required"))
            guess = f', did you mean "{meant}"?' if meant else ""
            report.bad_key(f'unknown key "{key}"{guess}', name, key, hint="known: condition, restart, required")
            good = False
            continue
        given[key] = setting
        if not right:
            guess = f', did you mean "{meant}"?' if meant else ""
            report.bad(f"has a {key} that must be {expected}, not {shown(setting)}{guess}", name)
            good = False
    return Dependency(name, **given) if good else None


# Conditions of Compose and process-compose, under the names here.
_COMPOSE = {
    "service_started": "started",
    "service_healthy": "ready",
    "service_completed_successfully": "completed",
    "process_started": "started",
    "process_healthy": "ready",
    "process_log_ready": "ready",
    "process_completed": "ended",
    "process_completed_successfully": "completed",
}


CONVERTERS: dict[str, Converter] = {"ready": ready, "liveness": liveness, "dependencies": depends_on}
