"""What typer is told about our commands and asked about mistakes, so that help and errors look as ours do.

Typer writes usage lines and errors differently from version to version; here they are written out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from supervisor.core.visible import quoted
from supervisor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What typer raises for a wrong command line. Where the class lives differs from version to version.
# A flag's variable with a value that is no truth value, as click says it.
_NO_FLAG = re.compile(r"\(env var: '(\w+)'\): ('.*') is not a valid boolean", re.DOTALL)
Mistake: type[Exception] = typer.BadParameter.__bases__[0]


def command(pieces: str) -> type[TyperCommand]:
    """Return a class of commands whose usage line is ``supervisor NAME`` and these words."""
    return type("Command", (TyperCommand,), {"collect_usage_pieces": lambda _self, _context: [pieces]})


def mistake(error: Any, argv: Sequence[str]) -> UsageError:
    """Return an error of typer's about a command line in our style."""
    words = ["supervisor", *(word for word in argv[:1] if not word.startswith("-"))]
    where = error.ctx.command_path if error.ctx is not None else " ".join(words)
    hint = f"see: {where} -h"
    text = str(error.format_message()).rstrip(".")
    unset = _NO_FLAG.search(text)
    if unset:
        return UsageError(f"{unset[1]} is {unset[2]}, which says neither yes nor no", "set it to 1 or 0, or unset it")
    if getattr(error, "option_name", "") and hasattr(error, "possibilities"):
        from supervisor.cli.options import ALIKE
        from supervisor.config.problems import nearest

        meant = nearest(error.option_name, error.possibilities or (), ALIKE)
        text, hint = f"no such option: {error.option_name}", f"did you mean: {meant}" if meant else hint
    return UsageError(text[:1].lower() + text[1:], hint)


def unknown(line: Sequence[str], known: Sequence[str]) -> UsageError:
    """Return the error for a first word that is no command: `run` may be left out, or the word mistyped."""
    from supervisor.config.problems import nearest

    first = line[0]
    meant = nearest(first, known)
    if shutil.which(first):
        hint = f"to run a program: supervisor run -- {shlex.join(line)}"
    elif first.endswith(".py") and os.path.isfile(first):
        hint = f"to run a program: supervisor run -- python3 {shlex.join(line)}"
    elif meant:
        hint = f"did you mean: supervisor {shlex.join([meant, *line[1:]])}"
    else:
        hint = f"commands are: {', '.join(known)}"
    return UsageError(f"there is no command {quoted(first)}", hint)
