"""Finds, reads and checks a config file; hands out the specs. The entrance to config/.

loaded = load(None, os.getcwd(), os.environ)
loaded.fleet, loaded.log, loaded.warnings
"""

from __future__ import annotations

import os.path
import re
from binascii import crc32

from supervisor.config import validate
from supervisor.config.build import Builder
from supervisor.config.complaint import Complaint, InvalidConfig
from supervisor.config.machine import SYSTEM
from supervisor.config.parse import decode, parse
from supervisor.config.places import PLACES, PYPROJECT, counts
from supervisor.config.problems import Problems
from supervisor.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from supervisor.config.locate import Path, Positions
    from supervisor.config.machine import Outside
    from supervisor.core.spec import FleetSpec, LogSpec


class LoadedConfig(Frozen):
    """``path`` is absolute; ``warnings`` are told at each start, and do not keep the fleet from it."""

    fleet: FleetSpec
    log: LogSpec
    path: str
    warnings: tuple[Complaint, ...] = ()


def load(path: str | None, cwd: str, environ: Mapping[str, str], outside: Outside = SYSTEM) -> LoadedConfig:
    """Load the config at ``path``, or the first of PLACES in ``cwd``. Raises InvalidConfig with every complaint."""
    loaded, complaints = check(path, cwd, environ, outside)
    if loaded is None:
        raise InvalidConfig(complaints)
    return loaded


def check(
    path: str | None, cwd: str, environ: Mapping[str, str], outside: Outside = SYSTEM
) -> tuple[LoadedConfig | None, list[Complaint]]:
    """Return the config, None when it has errors; and all there is to complain about, errors, warnings and notes,
    by position.

    ``cwd`` is empty when the working folder was deleted.
    """
    if not cwd and not (path or "").startswith("/"):
        hint = "change to another folder, or name the config by its whole path: -c /…/supervisor.toml"
        return None, [Complaint(path or ".", 0, 0, "the working folder was deleted", hint=hint)]
    source = _find(cwd, environ, outside) if path is None else _read(path, cwd, environ, outside)
    if isinstance(source, Complaint):
        return None, [source]
    problems = Problems()
    problems.elsewhere += source.complaints
    document = validate.document(source.raw, source.root, problems)
    builder = Builder(document, environ, source.folder, cwd, outside, problems)
    fleet = builder.fleet(_default_name(source.folder))
    complaints = _placed(problems, source)
    if problems.failed:
        return None, complaints
    warnings = tuple(complaint for complaint in complaints if complaint.severity == "warning")
    return LoadedConfig(fleet, builder.log(), source.path, warnings), complaints


class _Source(Frozen):
    """A document that was read: ``shown`` is the file's name in complaints, ``root`` the tables above ours.

    ``folder`` is what relative paths in it begin at. ``positions`` is None until something needs them: finding them
    takes as long as parsing.
    """

    shown: str
    path: str
    folder: str
    text: str
    raw: dict[str, Any]
    root: Path = ()
    positions: Positions | None = None
    complaints: tuple[Complaint, ...] = ()


def _find(cwd: str, environ: Mapping[str, str], outside: Outside) -> _Source | Complaint:
    """Find the first of PLACES that is there; a pyproject.toml counts when it has our table."""
    for place in PLACES:
        try:
            data = outside.read(os.path.join(cwd, place))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return _unreadable(place, error)
        if counts(place, data):
            full = os.path.join(cwd, place)
            return _understood(data, place, full, os.path.dirname(full), environ, outside)
    hint = "create one with `supervisor init`, or name a file with -c FILE"
    looked = "supervisor.toml, configs/supervisor.toml and [tool.sigdrain] in pyproject.toml"
    return Complaint(cwd, 0, 0, f"no config found: looked for {looked}", hint=hint)


def _read(path: str, cwd: str, environ: Mapping[str, str], outside: Outside) -> _Source | Complaint:
    full = os.path.normpath(os.path.join(cwd, path))
    try:
        data = outside.read(full)
    except OSError as error:
        return _unreadable(path, error)
    # A pipe (`-c <(generate)`) has no folder of its own.
    folder = cwd if full.startswith(("/dev/", "/proc/")) else os.path.dirname(full)
    return _understood(data, path, full, folder, environ, outside)


def _unreadable(shown: str, error: OSError) -> Complaint:
    hint = ""
    if isinstance(error, IsADirectoryError):
        hint = "give the file in it, as in -c FOLDER/supervisor.toml"
    elif shown.startswith(("/dev/", "/proc/")):
        hint = "is that descriptor open? A shell passes a pipe as in -c <(generate)"
    elif isinstance(error, FileNotFoundError):
        hint = "create one with `supervisor init`"
    return Complaint(shown, 0, 0, f"cannot be read: {(error.strerror or str(error)).lower()}", hint=hint)


def _understood(
    data: bytes, shown: str, path: str, folder: str, environ: Mapping[str, str], outside: Outside
) -> _Source | Complaint:
    """Return the bytes of a file as a document, by the kind of file."""
    text, complaint = decode(data, shown)
    if complaint:
        return complaint
    if _is_procfile(shown):
        from supervisor.config import procfile  # its patterns take a millisecond to compile

        dotenv = _dotenv(folder, outside)
        raw, positions, complaints = procfile.document(text, shown, dotenv, environ)
        return _Source(shown, path, folder, text, raw, (), positions, tuple(complaints))
    raw, complaint = parse(text, shown)
    if complaint:
        return complaint
    if os.path.basename(path) != "pyproject.toml":
        return _Source(shown, path, folder, text, raw)
    for key in PYPROJECT:
        raw = raw.get(key, {})
        if not isinstance(raw, dict) or not raw:
            hint = "add [tool.sigdrain.worker.web] with its command"
            return Complaint(shown, 0, 0, "has no [tool.sigdrain] table", hint=hint)
    return _Source(shown, path, folder, text, raw, PYPROJECT)


def _is_procfile(path: str) -> bool:
    """Return whether the name is a Procfile's: ``Procfile``, ``Procfile.dev``, ``shop.procfile``."""
    name = os.path.basename(path).lower()
    return name == "procfile" or name.startswith("procfile.") or name.endswith(".procfile")


def _dotenv(folder: str, outside: Outside) -> str | None:
    try:
        return outside.read(os.path.join(folder, ".env")).decode(errors="replace")
    except OSError:
        return None


def _placed(problems: Problems, source: _Source) -> list[Complaint]:
    """Return the problems with their positions, those of the config itself first, each file sorted by position."""
    if not problems.listed and not problems.elsewhere:
        return []
    from supervisor.config.locate import locate  # only when there is something to say

    positions = source.positions or locate(source.text)
    complaints: list[Complaint] = []
    for problem in problems.listed:
        spot = positions.spot(problem.path, key=problem.on_key)
        line = spot.line if source.text.strip() else 0
        complaints.append(
            Complaint(
                source.shown,
                line,
                spot.column,
                problem.message,
                problem.severity,
                problem.hint,
                spot.source,
                spot.width,
            )
        )
    complaints += problems.elsewhere
    return sorted(complaints, key=lambda found: (found.file != source.shown, found.file, found.line, found.column))


def _default_name(folder: str) -> str:
    """Return the project's folder as a name: ``shop`` for /srv/shop/supervisor.toml and /srv/shop/configs/…."""
    if os.path.basename(folder) == "configs":
        folder = os.path.dirname(folder)
    own = os.path.basename(folder)
    name = re.sub(r"[^A-Za-z0-9]+", "-", own).strip("-")
    # Nothing of it can be in a name (`проект`): told apart by its hash. Of / there is no name at all.
    return name[:63] or (f"fleet-{crc32(os.fsencode(own)):08x}" if own else "fleet")
