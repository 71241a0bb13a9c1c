"""Plain data as JSON text that every parser takes and no terminal obeys. Pure."""

from __future__ import annotations


def dumps(document: object) -> str:
    """Return JSON with a line for each field, ending in a newline.

    Characters that a terminal would obey or not show are written as ``\\u`` escapes, which mean the same. A byte of
    a command line that was no UTF-8 becomes U+FFFD: strict parsers refuse a lone surrogate (RFC 8259, 8.2).
    """
    import json

    lines = json.dumps(document, indent=1, ensure_ascii=False).split("\n")
    return "\n".join(line if line.isprintable() else "".join(map(_escaped, line)) for line in lines) + "\n"


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
