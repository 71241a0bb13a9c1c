"""Reads a Procfile (``NAME: COMMAND`` lines, as foreman and honcho) as a config document. Pure.

As there, a ``.env`` beside it is read, each worker gets a PORT (the base, 5000 or what is set, and 100 more for
each), all run in the Procfile's folder, and when one ends all end.
"""

from __future__ import annotations

import re

from supervisor.config import envfile
from supervisor.config.complaint import Complaint
from supervisor.config.expand import literal
from supervisor.config.locate import Positions
from supervisor.core.digits import whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# foreman's and honcho's own pattern; what does not match is skipped there, and a complaint here.
_LINE = re.compile(r"([A-Za-z0-9_-]+):[ \t]*(\S.*)")
# Any of these needs a shell; without one a `sh -c` would only stand between us and the worker.
_SHELL = re.compile(r"[|&;<>()$`\\*?\[\]#~=%!{}\n]")
_PORT_STEP = 100


def document(
    text: str, file: str, dotenv: str | None, environ: Mapping[str, str]
) -> tuple[dict[str, Any], Positions, list[Complaint]]:
    """Return the document that a config file with the same meaning would hold, and where its parts stand.

    ``dotenv`` is the text of the ``.env`` beside it, None when there is none.
    """
    positions = Positions(text)
    complaints: list[Complaint] = []
    workers: dict[str, Any] = {}
    base = _base(dotenv, environ)
    start = 0
    for line in text.split("\n"):
        found = _LINE.fullmatch(line.rstrip())
        if found:
            path = ("worker", found[1])
            span = (start, start + len(found[1]))
            if found[1] in workers:
                complaints.append(_complaint(positions, file, span, f'"{found[1]}" is defined twice'))
            port = str(base + _PORT_STEP * len(workers))
            workers[found[1]] = {"command": _command(found[2]), "env": {"PORT": port}}
            positions.keys[path] = span
            positions.values[*path, "command"] = (start + found.start(2), start + found.end(2))
        elif line.strip() and not line.lstrip().startswith("#"):
            message = "this line is neither NAME: COMMAND nor a comment"
            complaints.append(_complaint(positions, file, (start, start + len(line)), message))
        start += len(line) + 1
    defaults: dict[str, Any] = {"cwd": ".", "on_exit": "stop-all"}
    if dotenv is not None:
        defaults["env_file"] = [".env"]
    return {"defaults": defaults, **({"worker": workers} if workers else {})}, positions, complaints


def _command(text: str) -> list[str] | str:
    plain = literal(text)  # the shell expands its variables, not we
    return ["/bin/sh", "-c", plain] if _SHELL.search(text) else plain


def _base(dotenv: str | None, environ: Mapping[str, str]) -> int:
    values = dict(environ) | (envfile.parse(dotenv, ".env")[0] if dotenv else {})
    port = whole(values.get("PORT", ""), 65535)
    return 5000 if port is None else port


def _complaint(positions: Positions, file: str, span: tuple[int, int], message: str) -> Complaint:
    spot = positions.at(*span)
    return Complaint(file, spot.line, spot.column, message, source=spot.source, width=spot.width)
