"""What typer is told about our commands and asked about mistakes, so that help and errors look as ours do.

Typer writes usage lines and errors differently from version to version; here they are written out.
"""

from __future__ import annotations

import os
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

from supervisor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What typer raises for a wrong command line. Where the class lives differs from version to version.
Mistake: type[Exception] = typer.BadParameter.__bases__[0]


def command(pieces: str) -> type[TyperCommand]:
    """Return a class of commands whose usage line is ``supervisor NAME`` and these words."""
    return type("Command", (TyperCommand,), {"collect_usage_pieces": lambda _self, _context: [pieces]})


def mistake(error: Any) -> UsageError:
    """Return an error of typer's in our style."""
    text = str(error.format_message()).rstrip(".")
    where = error.ctx.command_path if error.ctx is not None else "supervisor"
    return UsageError(text[:1].lower() + text[1:], f"see: {where} -h")


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
    return UsageError(f"there is no command {first!r}", hint)
