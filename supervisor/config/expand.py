"""Fills in ``${VARIABLE}`` and the placeholders ``{instance}`` and ``{port}``, in one pass. Pure.

One pass, so that what a variable holds is never expanded again: a password with a ``$`` stays as it is.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Defaults of defaults: nobody needs more, and each level is a recursion of ours.
DEEPEST = 10

# A word in braces is a placeholder, but not the %{http_code} of curl, nor what $${HOME} leaves of ${HOME}.
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_TOKEN = re.compile(rf"\$\$|\$\{{|\{{\{{{_WORD}\}}\}}|(?<![%$])\{{{_WORD}\}}")
_MARK = re.compile(rf"\{{({_WORD})\}}")
_TOKEN_OR_END = re.compile(_TOKEN.pattern + r"|\}")
_VARIABLE = re.compile(rf"({_WORD})(?::-(.*))?", re.DOTALL)
# What supervisord calls it: told, because it would reach the worker as it is.
_LOOKALIKE = re.compile(r"%\(process_num\)\d*d")
KNOWN = "the placeholders are {instance} and {port}"


class ExpandError(ValueError):
    """The text cannot be expanded; ``message`` says what, ``hint`` what to write."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def expand(text: str, variables: Mapping[str, str], placeholders: Mapping[str, str]) -> str:
    """Fill in everything in ``text``. Raises ExpandError at the first part that cannot be.

    ``${NAME}``, ``${NAME:-default}`` (when unset or empty; the default may hold further ones), ``$$`` for a plain
    ``$``; a ``$`` before anything else stays. ``{instance}`` and ``{port}``; a word in doubled braces is that word
    in braces.
    """
    done: list[str] = []
    at = 0
    while token := _TOKEN.search(text, at):
        mark = token.group()
        done.append(text[at : token.start()])
        at = token.end()
        if mark == "$$":
            done.append("$")
        elif mark == "${":
            end = _closing(text, at)
            done.append(_variable(text[at:end], variables, placeholders))
            at = end + 1
        elif mark.startswith("{{"):
            done.append(mark[1:-1])
        else:
            done.append(_placeholder(mark, placeholders))
    return "".join((*done, text[at:]))


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders that the text uses."""
    return {name for name in ("instance", "port") if f"{{{name}}}" in _TOKEN.findall(text)}


def literal(text: str) -> str:
    """Return the text that expands to this one."""
    return _MARK.sub(r"{{\1}}", text.replace("$", "$$"))


def lookalike(text: str) -> str:
    """Return a part that was probably meant as a placeholder but is none, or an empty text."""
    found = _LOOKALIKE.search(text)
    return found.group() if found else ""


def _closing(text: str, start: int) -> int:
    """Return the offset of the brace that closes the ``${`` whose inside begins at ``start``."""
    depth, at = 1, start
    while token := _TOKEN_OR_END.search(text, at):
        depth += {"${": 1, "}": -1}.get(token.group(), 0)
        if not depth:
            return token.start()
        if depth > DEEPEST:
            raise ExpandError(f"nests more than {DEEPEST} variables inside each other", "write $${ for a literal ${")
        at = token.end()
    raise ExpandError(f"has a ${{ without its }}: {text[start - 2 : start + 20]}", "write $${ for a literal ${")


def _variable(inside: str, variables: Mapping[str, str], placeholders: Mapping[str, str]) -> str:
    parts = _VARIABLE.fullmatch(inside)
    if parts is None:
        raise ExpandError(
            f"contains ${{{inside}}}, which is not a variable",
            "write ${NAME} or ${NAME:-default}; $${ for a literal ${",
        )
    name, default = parts.groups()
    if default is not None:
        return variables.get(name) or expand(default, variables, placeholders)
    if name not in variables:
        raise ExpandError(f"uses the variable {name}, which is not set", f"set it, or write ${{{name}:-default}}")
    return variables[name]


def _placeholder(mark: str, placeholders: Mapping[str, str]) -> str:
    name = mark[1:-1]
    if name not in ("instance", "port"):
        raise ExpandError(f"uses {mark}, which is no placeholder", f"{KNOWN}; write {{{mark}}} for the literal text")
    if name not in placeholders:
        example = "instances = 2" if name == "instance" else "port = 8000"
        raise ExpandError(
            f'uses {mark}, but the worker has no "{name if name == "port" else "instances"}"',
            f"add {example}, or write {{{mark}}} for the literal text",
        )
    return placeholders[name]
