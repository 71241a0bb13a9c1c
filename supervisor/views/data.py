"""Plain data as JSON text that no terminal obeys. Pure."""

from __future__ import annotations


def dumps(document: object) -> str:
    """Return JSON with a line for each field, ending in a newline.

    Characters that a terminal would obey or not show are written as ``\\u`` escapes, which mean the same. A byte of
    a command line that was no UTF-8 is the escape of a lone surrogate: ``\\udce9`` for E9 (PEP 383). None is lost.
    """
    import json

    lines = json.dumps(document, indent=1, ensure_ascii=False).split("\n")
    return "\n".join(line if line.isprintable() else "".join(map(_escaped, line)) for line in lines) + "\n"


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
