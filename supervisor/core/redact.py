"""Takes secrets out of command lines before they reach a report or the history. Pure.

Only what says itself that it is a secret can be found: an option or assignment with a telling name, credentials in
a URL. A password given as a bare word is not recognised; environments are never stored at all.
"""

from __future__ import annotations

HIDDEN = "***"
_TELLING = ("password", "passwd", "passphrase", "secret", "token", "apikey", "api-key", "api_key", "access-key",
            "access_key", "private-key", "private_key", "credential", "auth")  # fmt: skip


def argv(words: tuple[str, ...]) -> tuple[str, ...]:
    """``("--password", "x", "token=y", "redis://u:p@h")`` -> each secret replaced by ``***``."""
    shown: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        name, equals, value = word.partition("=")
        if equals and value and _telling(name):
            shown.append(f"{name}={HIDDEN}")
        else:
            shown.append(_url(word))
        hide_next = word.startswith("-") and not equals and _telling(word)
    return tuple(shown)


def _telling(name: str) -> bool:
    plain = name.lstrip("-").lower()
    return any(word in plain for word in _TELLING)


def _url(word: str) -> str:
    scheme, separator, rest = word.partition("://")
    if not separator:
        return word
    place, slash, path = rest.partition("/")
    credentials, at, host = place.rpartition("@")
    if not at:
        return word
    user, colon, _ = credentials.partition(":")
    return (
        f"{scheme}://{user}{colon}{HIDDEN}@{host}{slash}{path}"
        if colon
        else f"{scheme}://{HIDDEN}@{host}{slash}{path}"
    )
