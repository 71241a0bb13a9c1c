"""Who could have changed what lies at a path."""

from __future__ import annotations

import os
import stat


def stranger(path: str, *, ours: bool = True) -> str | None:
    """Return which part of an existing path somebody else could have changed, and how; None when nobody could.

    Trusted are root and, unless ``ours`` is False, our own user. In a folder with the sticky bit (/tmp) entries of
    others stay theirs. Raises OSError when the path cannot be looked at.
    """
    owners = (0, os.geteuid()) if ours else (0,)
    here = os.path.realpath(path)
    while True:
        found = os.stat(here)
        if found.st_uid not in owners:
            return f"{here} belongs to another user (uid {found.st_uid})"
        sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
        if found.st_mode & 0o022 and not sticky:
            return f"others may write to {here}"
        if here == "/":
            return None
        here = os.path.dirname(here)
