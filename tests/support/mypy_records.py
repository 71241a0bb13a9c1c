"""A plugin of mypy: ``record.with_(field=value)`` takes the fields of that record, with their types, and no others.

mypy knows the constructor of a record (PEP 681), but takes ``with_(**changes: Any)`` at its word: a misspelt field
would be refused only when its line is reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy.nodes import ARG_NAMED_OPT
from mypy.plugin import Plugin
from mypy.types import CallableType, Instance, get_proper_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy.plugin import MethodSigContext
    from mypy.types import FunctionLike

BASE = "supervisor.core.frozen.Frozen"


class Records(Plugin):
    """Gives ``with_`` the signature that its record asks for."""

    def get_method_signature_hook(self, fullname: str) -> Callable[[MethodSigContext], FunctionLike] | None:
        return _fields_only if fullname.endswith(".with_") else None


def _fields_only(context: MethodSigContext) -> FunctionLike:
    record = get_proper_type(context.type)
    if not isinstance(record, Instance) or not record.type.has_base(BASE):
        return context.default_signature
    made = record.type.get_method("__init__")
    constructor = get_proper_type(made.type) if made is not None and made.type is not None else None
    if not isinstance(constructor, CallableType):
        return context.default_signature
    return context.default_signature.copy_modified(
        arg_types=constructor.arg_types[1:],
        arg_names=constructor.arg_names[1:],
        arg_kinds=[ARG_NAMED_OPT] * (len(constructor.arg_kinds) - 1),
    )


def plugin(_version: str) -> type[Plugin]:
    """What mypy asks for (its documentation, "Extending mypy using plugins")."""
    return Records
