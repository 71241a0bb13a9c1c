"""Takes secrets out of command lines before they reach a report or the history. Pure.

Only what says itself that it is a secret can be found: an option or assignment with a telling name, credentials in
a URL. A password given as a bare word is not recognised; environments are never stored at all.
"""

from __future__ import annotations

HIDDEN = "***"
_EXACTLY = ("pass", "pwd", "pw")
_TELLING = ("password", "passwd", "passphrase", "secret", "token", "apikey", "api-key", "api_key", "access-key",
            "access_key", "private-key", "private_key", "credential", "auth")  # fmt: skip


def argv(words: tuple[str, ...]) -> tuple[str, ...]:
    """Replace each secret by ``***``, as in ``("--password", "x", "token=y", "redis://u:p@h")``."""
    shown: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        name, equals, value = word.partition("=")
        if equals and value and "://" not in name and _telling(name):
            shown.append(f"{name}={HIDDEN}")
        elif ": " in word and _telling(word.partition(": ")[0]) and " " not in word.partition(": ")[0]:
            shown.append(f"{word.partition(': ')[0]}: {HIDDEN}")
        elif " " in word:
            # What a shell is told with -c: as if each of its words were one of ours.
            shown.append(" ".join(argv(tuple(word.split(" ")))))
        else:
            shown.append(_urls(word))
        hide_next = word.startswith("-") and not equals and _telling(word)
    return tuple(shown)


def path(text: str) -> str:
    """Replace each secret in the query of a URL's path by ``***``, as in ``/ready?token=***``."""
    return _query(text)


def _telling(name: str) -> bool:
    plain = name.lstrip("-").lower()
    # DB_PWD and db-pass as well as pwd: the last word of a name says what it holds.
    return plain.replace("_", "-").rpartition("-")[2] in _EXACTLY or any(word in plain for word in _TELLING)


def _urls(word: str) -> str:
    """Hide credentials and telling query values of each URL in the word, as in ``a://u:p@h/x?token=y,b://…``."""
    head, *rest = word.split("://")
    return "://".join([head, *(_query(_credentials(part)) for part in rest)])


def _credentials(text: str) -> str:
    place, slash, path = text.partition("/")
    credentials, at, host = place.rpartition("@")
    if not at:
        return text
    user, colon, _ = credentials.partition(":")
    return f"{user}{colon}{HIDDEN}@{host}{slash}{path}" if colon else f"{HIDDEN}@{host}{slash}{path}"


def _query(text: str) -> str:
    before, mark, query = text.partition("?")
    if not mark:
        return text
    pairs = (pair.partition("=") for pair in query.split("&"))
    shown = (f"{name}={HIDDEN}" if equals and value and _telling(name) else name + equals + value
             for name, equals, value in pairs)  # fmt: skip
    return f"{before}?{'&'.join(shown)}"
