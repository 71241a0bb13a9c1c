"""A parsed TOML document -> known keys with converted values; all complaints at once. Pure.

Knows the table of fields, not what the values mean together (config/build.py does).
"""

from __future__ import annotations

from supervisor.config import checks, foreign, kinds
from supervisor.config.field import Field
from supervisor.config.fields import SECTIONS, of
from supervisor.config.problems import dotted, nearest
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from supervisor.config.locate import Path
    from supervisor.config.problems import Problems

    Settings: TypeAlias = dict[str, "Given"]


_CONVERTERS = kinds.CONVERTERS | checks.CONVERTERS
# A wrong value must not lead to a second complaint, that it is missing: what depends on these keys sees this.
_STAND_INS: dict[str, object] = {"command": (), "whole": 1}


class Given(Frozen):
    """A converted value and where it stands."""

    value: object
    path: Path


class Document(Frozen):
    """What the file says: settings by dotted key. ``workers`` maps names to (path of the table, settings)."""

    fleet: Settings
    log: Settings
    defaults: Settings
    workers: dict[str, tuple[Path, Settings]]


def document(raw: Mapping[str, object], root: Path, problems: Problems) -> Document:
    """Check everything below ``root`` (``("tool", "sigdrain")`` in a pyproject.toml, else empty)."""
    for name, value in raw.items():
        if name not in SECTIONS:
            _unknown_section(name, value, (*root, name), problems)
    sections = {name: _section(raw.get(name), (*root, name), name, problems) for name in ("fleet", "log", "defaults")}
    return Document(workers=_workers(raw.get("worker"), (*root, "worker"), problems), **sections)


def _section(raw: object, path: Path, section: str, problems: Problems) -> Settings:
    settings: Settings = {}
    if raw is None:
        return settings
    if not isinstance(raw, dict):
        problems.value(path, f"must be a table, not {kinds.shown(raw)}", f"write [{dotted(path)}]")
        return settings
    _table(raw, path, "", {field.key: field for field in of(section)}, problems, settings)
    return settings


def _table(
    raw: Mapping[str, object],
    path: Path,
    group: str,
    known: Mapping[str, Field],
    problems: Problems,
    settings: Settings,
) -> None:
    """Convert the keys of one table into ``settings``; ``group`` is ``stop.`` inside a worker's [… .stop]."""
    for key, value in raw.items():
        name, here = group + key, (*path, key)
        inside = [other for other in known if other.startswith(f"{name}.")]
        if name in known:
            converted = _CONVERTERS[known[name].kind](value, known[name], kinds.Report(problems, here))
            if converted is None:
                converted = _STAND_INS.get(known[name].kind)
            if converted is not None:
                settings[name] = Given(converted, here)
        elif not inside:
            meant = _unknown_key(key, group, here, known, problems)
            if meant in known and known[meant].required:
                settings.setdefault(meant, Given(_STAND_INS[known[meant].kind], here))
        elif isinstance(value, dict):
            _table(value, here, f"{name}.", known, problems, settings)
        else:
            first = known[inside[0]]
            problems.value(here, f"is a table, not {kinds.shown(value)}", f"write {first.key} = {first.example}")


def _workers(raw: object, path: Path, problems: Problems) -> dict[str, tuple[Path, Settings]]:
    workers: dict[str, tuple[Path, Settings]] = {}
    if raw is None:
        problems.table(
            path[:-1],
            "it defines no worker",
            'add [worker.web] with command = ["python3", "app.py"]',
        )
        return workers
    if not isinstance(raw, dict) or not raw:
        hint = f"write [{dotted((*path, 'web'))}], one table per worker, with its name"
        problems.key(path, '"worker" has no named tables', hint)
        return workers
    alike: dict[str, str] = {}
    for name, table in raw.items():
        here = (*path, name)
        if not isinstance(table, dict):
            _not_a_worker(name, here, table, problems)
            continue
        if not kinds.NAME.fullmatch(name):
            problems.key(here, f'"{name}" is not a valid worker name: up to 63 letters, digits, _ and -')
        # Names become parts of paths, metrics and environment variables, where these two cannot be told apart.
        plain = name.lower().replace("-", "_")
        if plain in alike:
            problems.key(here, f'"{name}" and "{alike[plain]}" are too similar as names of two workers')
        alike[plain] = name
        workers[name] = (here, _section(table, here, "worker", problems))
    return workers


def _not_a_worker(name: str, path: Path, value: object, problems: Problems) -> None:
    """Complain of a value right under [worker]: most often [worker] was written for [worker.NAME]."""
    if any(field.key.partition(".")[0] == name for field in of("worker")):
        hint = f"name the worker: [{dotted((*path[:-1], 'web'))}]"
        problems.key(path, f'"{name}" belongs to a worker', hint)
    else:
        problems.value(path, f"must be a table, not {kinds.shown(value)}", f"write [{dotted(path)}]")


def _unknown_section(name: str, value: object, path: Path, problems: Problems) -> None:
    if not isinstance(value, dict):
        problems.key(path, f'unknown key "{name}"', "put keys into a section such as [fleet] and [worker.NAME]")
    elif "command" in value:
        worker = dotted((*path[:-1], "worker", name))
        problems.key(path, f'unknown section "{name}", did you mean [{worker}]?')
    else:
        explained = foreign.section(name)
        meant = nearest(name, SECTIONS) if not explained else ""
        guess = f', did you mean "{meant}"?' if meant else ""
        problems.key(path, f'unknown section "{name}"{guess}', explained)


def _unknown_key(key: str, group: str, path: Path, known: Mapping[str, Field], problems: Problems) -> str:
    """Report it; the key that was probably meant, or an empty text."""
    if problems.full:
        return ""
    own = next((field for field in of("worker") if field.key == group + key), None)
    if own is not None:
        places = "[worker.NAME] or [defaults]" if own.inherit else "[worker.NAME]"
        problems.key(path, f'"{key}" belongs to a worker, not here', f"write it in {places}")
        return ""
    # In a sub-table its own keys come first; then all keys, by their last part, and what other tools say.
    candidates = {other.removeprefix(group): other for other in known if other.startswith(group)}
    for other, field in known.items():
        candidates.setdefault(other.rpartition(".")[2], other)
        for name in field.also:
            candidates.setdefault(name, other)
    explained = foreign.key(key) if key not in candidates else ""
    meant = nearest(key, candidates) if not explained else ""
    target = candidates.get(meant, "")
    guess = f', did you mean "{target.removeprefix(group)}"?' if target else ""
    # What another tool calls it may take other values: the example shows ours.
    if target and meant in known[target].also:
        explained = f"write it as {target.removeprefix(group)} = {known[target].example}"
    problems.key(path, f'unknown key "{key}"{guess}', explained)
    return target
