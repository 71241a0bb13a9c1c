"""The JSON Schema of ``ready``, ``liveness`` and ``depends_on``: what checks.py accepts, as far as it can say so."""

from __future__ import annotations

from supervisor.config import checks, durations
from supervisor.core.readiness import ASKED, KINDS, LIVENESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_DURATION: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": durations.LONGEST},
        {"type": "string", "pattern": durations.PATTERN},
    ]
}
_STATUS: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 999},
        {"type": "string", "pattern": "^[0-9]{3}(-[0-9]{3})?$"},
    ]
}
_ASKS: dict[str, dict[str, Any]] = {
    "started": {"const": True},
    "notify": {"const": True},
    "after": _DURATION,
    "fd": {"anyOf": [{"type": "integer", "minimum": 3, "maximum": 1023}, _TEXT]},
    "command": {"anyOf": [_TEXT, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "timeout": _DURATION,
    "try_timeout": _DURATION,
    "interval": _DURATION,
    "start_after": _DURATION,
    "on_timeout": {"enum": ["fail", "continue"]},
    "listener": {"enum": ["own", "any"]},
    "failures": {"type": "integer", "minimum": 1, "maximum": 1000},
    "status": _STATUS,
    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
}
_DEPENDENCY: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "condition": {"enum": list(checks.CONDITIONS)},
        "restart": {"type": "boolean"},
        "required": {"type": "boolean"},
    },
}


def of(kind: str) -> dict[str, Any]:
    """Return the schema of a value of this kind of field."""
    if kind == "ready":
        return _check(KINDS, checks.READY_KEYS)
    if kind == "liveness":
        schema = _check(LIVENESS, checks.LIVENESS_KEYS)
        schema["anyOf"].append(_table("watchdog", _DURATION, ("try_timeout", "failures", "start_after")))
        return schema
    names = {"type": "array", "items": {"type": "string"}}
    given = {"anyOf": [{"enum": list(checks.CONDITIONS)}, _DEPENDENCY]}
    return {"anyOf": [names, {"type": "object", "additionalProperties": given}]}


def _check(kinds: tuple[str, ...], keys: tuple[str, ...]) -> dict[str, Any]:
    tables = [_table(kind, _ASKS.get(kind, _TEXT), (*keys, *_of(kind))) for kind in kinds]
    alone = "|".join(kind for kind in kinds if kind in ("started", "notify", "fd"))
    asking = "|".join(kind for kind in kinds if kind not in ("started", "notify"))
    return {"anyOf": [{"type": "string", "pattern": f"^(?:{alone})$|^(?:{asking})=."}, *tables]}


def _of(kind: str) -> tuple[str, ...]:
    listener = ("listener",) if kind in ASKED and kind != "command" else ()
    return (*listener, "status", "headers") if kind == "http" else listener


def _table(kind: str, asks: dict[str, Any], options: tuple[str, ...]) -> dict[str, Any]:
    properties = {kind: asks} | {key: _OPTIONS[key] for key in options}
    return {"type": "object", "required": [kind], "additionalProperties": False, "properties": properties}
