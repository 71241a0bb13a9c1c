"""Doing something with another user's rights, for a moment."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervisor.system.process.spawn import Identity


class Acting:
    """``with Acting(identity):`` is done with the file rights of another user (credentials(7)). Only root can.

    Raises OSError where the user cannot be taken on. Needs a process of one thread: rights are a thread's.
    """

    def __init__(self, whose: Identity) -> None:
        self._whose = whose

    def __enter__(self) -> None:
        self._before = os.geteuid(), os.getegid(), os.getgroups()
        whose = self._whose
        try:
            os.setgroups(whose.groups or ())
            if whose.gid is not None:
                os.setegid(whose.gid)
            if whose.uid is not None:
                os.seteuid(whose.uid)
        except OSError:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        uid, gid, groups = self._before
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)
