"""Reads KEY=VALUE files (``.env``) the way a POSIX shell reads assignments, without expansion. Pure.

Differences between the tools were settled so: single quotes are literal (sh, dotenv; honcho turns ``\\n`` in them
into a newline), double quotes know ``\\n \\r \\t \\" \\\\ \\$``, quoted values may span lines (dotenv), blanks around
``=`` are allowed (dotenv, honcho), ``$`` is a plain character (systemd, honcho). What is no assignment is a
complaint: skipping it in silence would start a worker without a variable it needs.
"""

from __future__ import annotations

import re

from supervisor.config.complaint import Complaint

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_EMPTY = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")
# Outside quotes a backslash makes these characters plain; before others it stays (regular expressions).
_BARE = re.compile(r"""(?:\\[\\"'# $]|[^\n"'\\# \t]|(?<![ \t])\#|\\|[ \t]+(?![ \t\#\n]|\Z))+""")
_BARE_ESCAPE = re.compile(r"""\\([\\"'# $])""")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DOUBLE_ESCAPE = re.compile(r'\\([nrt"\\$`])')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}

# A file with more wrong lines is no env file.
MOST = 50


def parse(text: str, file: str) -> tuple[dict[str, str], list[Complaint]]:
    """Parse the variables in order of the file, a later one winning, with a complaint for each line that is wrong."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    complaints: list[Complaint] = []
    at = 0
    while at < len(text) and len(complaints) < MOST:
        empty = _EMPTY.match(text, at)
        if empty:
            at = empty.end()
            continue
        name = _NAME.match(text, at)
        if name is None:
            complaints.append(_complaint(text, file, at, "is neither KEY=VALUE nor a comment"))
            at = _line_end(text, at)
            continue
        value, end, wrong = _value(text, name.end())
        if wrong:
            complaints.append(_complaint(text, file, end, wrong))
            at = _line_end(text, name.end())
        else:
            found[name[1]] = value
            at = end
    return found, complaints


def _value(text: str, at: int) -> tuple[str, int, str]:
    """Return the value that starts at ``at``, where it ends, and what is wrong with it there (empty: nothing)."""
    parts: list[str] = []
    while not (rest := _REST.match(text, at)):
        if part := _SINGLE.match(text, at):
            parts.append(part[1])
        elif part := _DOUBLE.match(text, at):
            parts.append(_DOUBLE_ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), part[1]))
        elif part := _BARE.match(text, at):
            parts.append(_BARE_ESCAPE.sub(r"\1", part[0]))
        else:
            return "", at, "has a quote that is never closed"
        at = part.end()
    value = "".join(parts)
    return value, rest.end(), "contains a NUL character" if "\0" in value else ""


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _complaint(text: str, file: str, at: int, message: str) -> Complaint:
    begin = text.rfind("\n", 0, at) + 1
    source = text[begin : _line_end(text, at)].rstrip("\n")
    hint = "write KEY=VALUE, with quotes around a value that has quotes, # or line ends in it"
    line = text.count("\n", 0, at) + 1
    return Complaint(file, line, at - begin + 1, f"this line {message}", hint=hint, source=source)
