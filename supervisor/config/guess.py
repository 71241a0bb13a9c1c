"""Guesses from a command how to ask whether it is ready: of the servers whose options are known. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Where they listen when nobody says otherwise, by their own documentation.
_DEFAULT = "127.0.0.1:8000"
_SERVERS = ("uvicorn", "gunicorn", "hypercorn")
# Any answer but an error of the server itself means that the application is there; a path of its own says more.
_ANY_ANSWER = "200-499"


def ready(argv: Sequence[str]) -> str | None:
    """Return the TOML of a ``ready`` for a command that is, or runs, one of the known servers; None for any other."""
    server = next((name for word in argv[:4] if (name := word.rpartition("/")[2]) in _SERVERS), None)
    if server is None:
        return None
    given = dict(_options(argv))
    if server == "uvicorn":
        if "--fd" in given or "--reload" in argv:
            return None
        socket = given.get("--uds")
        place = f"{_bracketed(given.get('--host', '127.0.0.1'))}:{given.get('--port', '8000')}"
    else:
        bind = given.get("--bind") or given.get("-b") or _DEFAULT
        socket = bind.removeprefix("unix:") if bind.startswith("unix:") else None
        place = bind if ":" in bind.rpartition("]")[2] else f"{bind}:8000"
        if bind.startswith("fd://"):
            return None
    if socket is not None:
        return f'{{ unix = "{socket}" }}'
    host, _, port = place.rpartition(":")
    local = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    return f'{{ http = "http://{local}:{port}/", status = "{_ANY_ANSWER}" }}'


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (option, value), both for ``--port 80`` and ``--port=80``."""
    for word, following in zip(argv, (*argv[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if equals and name.startswith("--"):
            yield name, value
        elif word.startswith("-"):
            yield word, following


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
