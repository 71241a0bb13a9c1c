"""Where the history is kept, and whether it may be: never in another user's folder, never in our way."""

from __future__ import annotations

import os

from supervisor.system import trust

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

OFF = "off"
NAME = "history.db"


class NoPlace(Exception):
    """There is no place for a history; the message says why not, in words for the user."""


def default(environ: Mapping[str, str]) -> str:
    """Return where the history is kept when nobody says otherwise. Raises NoPlace without a home.

    ``$STATE_DIRECTORY`` is a service's own (systemd.exec(5), StateDirectory=); else the user's state folder (XDG Base
    Directory Specification, 2021).
    """
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given.startswith("/"):
        return os.path.join(given, NAME)
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return os.path.join(state, "sigdrain", NAME)
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise NoPlace("there is no home folder: set HOME, or --history PATH, or off")
    return os.path.join(home, ".local", "state", "sigdrain", NAME)


def prepared(path: str) -> str:
    """Make the folder of a history, for its owner alone. Raises NoPlace where it cannot be or is not safe.

    Returns the path. A folder that is there stays as it is, unless another user could put something in its place.
    """
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        wrong = trust.stranger(folder)
        if wrong is None and os.path.lexists(path):
            wrong = trust.stranger(path)
    except OSError as error:
        raise NoPlace(f"{folder}: {error.strerror}") from None
    if wrong is not None:
        raise NoPlace(wrong)
    return path
