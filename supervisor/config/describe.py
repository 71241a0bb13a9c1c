"""Describes the config from its table: JSON Schema, reference pages, starter file. Not on the path of a start."""

from __future__ import annotations

import json
import textwrap

from supervisor.config import checks_schema, durations, fields, kinds
from supervisor.config.field import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME_PATTERN = f"^{kinds.NAME.pattern}$"
WIDTH = 100  # columns of the comments in the reference and the starter

_TYPES = {
    "text": "text",
    "name": "text",
    "path": "path",
    "flag": "true or false",
    "whole": "whole number",
    "number": "number",
    "duration": "duration",
    "ladder": "escalation",
    "signal": "signal",
    "umask": "octal text",
    "command": "list of texts, or text",
    "paths": "path, or list of paths",
    "packages": "list of names",
    "env": "table",
    "limits": "table",
    "codes": "list of whole numbers",
    "ready": "text or table",
    "liveness": "text or table",
    "dependencies": "list of names, or table",
}


def toml(value: object) -> str:
    """Return a default as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    assert isinstance(value, int | float)
    return f"{value:g}"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a supervisor.toml; `[tool.sigdrain]` holds the same."""
    sections: dict[str, Any] = {}
    for section, help_text in fields.SECTIONS.items():
        described = _object(section)
        if section == "worker":
            described["required"] = ["command"]
            described = {
                "type": "object",
                "patternProperties": {NAME_PATTERN: described},
                "additionalProperties": False,
                "minProperties": 1,
            }
        sections[section] = {"description": help_text, **described}
    return {
        "$schema": DIALECT,
        "title": "supervisor.toml",
        "description": "Workers for `supervisor up` (distribution sigdrain).",
        "type": "object",
        "properties": sections,
        "required": ["worker"],
        "additionalProperties": False,
    }


def _object(section: str) -> dict[str, Any]:
    """Return a table of the schema; dotted keys become tables in it."""
    whole: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    for field in fields.of(section):
        table = whole
        *groups, last = field.key.split(".")
        for group in groups:
            empty = {"type": "object", "properties": {}, "additionalProperties": False}
            table = table["properties"].setdefault(group, empty)
        table["properties"][last] = _property(field)
    stop = whole["properties"].get("stop")
    if stop:
        stop["dependentSchemas"] = {"escalation": {"properties": {"signal": False, "grace": False}}}
    return whole


def _property(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"description": field.help, **_value_schema(field)}
    if field.default is not None:
        described["default"] = field.default
    return described


def _value_schema(field: Field) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "minLength": 1}
    limit = {"anyOf": [{"type": "integer", "minimum": 0}, {"const": "unlimited"}]}
    bounds = {"minimum": field.least, "maximum": field.most}
    within = {name: bound for name, bound in bounds.items() if bound is not None}
    by_kind: dict[str, dict[str, Any]] = {
        "text": text,
        "path": text,
        "name": {"type": "string", "pattern": NAME_PATTERN},
        "flag": {"type": "boolean"},
        "whole": {"type": "integer", **within},
        "number": {"type": "number", **within},
        "duration": {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": durations.LONGEST},
                {"type": "string", "pattern": durations.PATTERN},
            ]
        },
        "choice": {"enum": list(field.choices)},
        "ladder": {"anyOf": [text, {"type": "number", "minimum": 0}]},
        "signal": text,
        "umask": {"type": "string", "pattern": "^0?[0-7]{1,3}$"},
        "command": {"anyOf": [text, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        "paths": {"anyOf": [text, {"type": "array", "items": text}]},
        "packages": {"type": "array", "items": text},
        "env": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
        "limits": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"anyOf": [*limit["anyOf"], {"type": "array", "items": limit, "minItems": 2, "maxItems": 2}]}
                for name in kinds.LIMITS
            },
        },
        "codes": {"type": "array", "minItems": 1, "items": {"type": "integer", **within}},
    }
    return by_kind[field.kind] if field.kind in by_kind else checks_schema.of(field.kind)


def starter(command: Sequence[str] = ()) -> str:
    """Return what `supervisor init` writes: a config that runs, with the keys most people want next to it.

    ``command`` is the one to run, with a check of its readiness where that can be guessed.
    """
    given: dict[str, str] = {}
    if command:
        from supervisor.config import guess

        ready = guess.ready(command)
        # As JSON, a list of texts is TOML as well; a placeholder of ours is no word of the user's.
        given["command"] = json.dumps([word.replace("$", "$$") for word in command], ensure_ascii=False)
        given |= {"ready": ready} if ready else {}
    lines = [
        "#:schema ./supervisor.schema.json",
        "# Workers for `supervisor up`. Look at it with `supervisor check`.",
        "# Completion and checks in editors: supervisor schema > supervisor.schema.json",
    ]
    for section, title in (("fleet", "fleet"), ("worker", "worker.app")):
        lines += ["", f"[{title}]"]
        for field in fields.of(section):
            if field.starter:
                active = "" if field.required or field.key in given else "# "
                lines += [*_comment(field.help), f"{active}{field.key} = {given.get(field.key, field.example)}"]
    return "\n".join(lines) + "\n"


def reference_toml() -> str:
    """Return every key with its help and default, all but the required ones commented out."""
    lines = [
        "#:schema ../supervisor/config/schema.json",
        "# Every key, with its default, or with an example where there is none.",
    ]
    for section, help_text in fields.SECTIONS.items():
        title = "worker.app" if section == "worker" else section
        lines += ["", *_comment(help_text), f"[{title}]"]
        for field in fields.of("worker" if section == "worker" else section):
            if section == "defaults":
                continue  # said once, below the worker that they are a worker's keys
            lines += ["", *_comment(field.help)]
            lines += _setting(field)
    return "\n".join(lines) + "\n"


def _setting(field: Field) -> list[str]:
    if field.required:
        return [f"{field.key} = {field.example}"]
    if field.default is not None:
        return [f"# {field.key} = {toml(field.default)}"]
    return [*_comment(f"Default: {field.unset}."), f"# {field.key} = {field.example}"]


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False)]


def reference() -> str:
    """Return docs/config.md, whole."""
    from supervisor.config.guide import GUIDE

    parts = [GUIDE]
    for section, help_text in fields.SECTIONS.items():
        title = "worker.NAME" if section == "worker" else section
        parts.append(f"## [{title}]\n\n{help_text}\n")
        if section != "defaults":
            parts += [_entry(field) for field in fields.of(section)]
    return "\n".join(parts)


def _entry(field: Field) -> str:
    words = " or ".join(f'`"{choice}"`' for choice in field.choices) or _TYPES[field.kind]
    if field.kind in ("whole", "number"):
        words += f" from {field.least:g} to {field.most:.15g}"
    facts = [f"Type: {words}"]
    if field.required:
        facts.append("required")
    elif field.default is not None:
        facts.append(f"default: `{toml(field.default)}`" + (f" {field.unit}" if field.unit else ""))
    else:
        facts.append(f"default: {field.unset}")
    if field.section == "worker" and not field.inherit:
        facts.append("not in [defaults]")
    return (
        f"### {field.key}\n\n{field.help}\n\n{'; '.join(facts)}; since {field.since}.\n\n"
        f"```toml\n{field.key} = {field.example}\n```\n"
    )
