"""User and group names -> the numbers to become. Looks into the system's databases (getpwnam(3), getgrouplist(3))."""

from __future__ import annotations

import os

from supervisor.core.digits import whole
from supervisor.core.spec import ExecSpec
from supervisor.errors import SupervisorError
from supervisor.system.process.spawn import Identity

MOST_ID = 2**32 - 2  # of a user or group; the next one means "unchanged" (setresuid(2))


class Unknown(SupervisorError):
    """There is no such user or group."""


def of(spec: ExecSpec) -> Identity | None:
    """Return whom the worker shall run as; None: unchanged. Names or numbers. Raises Unknown."""
    if spec.user is None and spec.group is None:
        return None
    import grp
    import pwd

    uid = gid = None
    groups: tuple[int, ...] | None = None
    if spec.user is not None:
        uid = whole(spec.user, MOST_ID)
        try:
            found = pwd.getpwnam(spec.user) if uid is None else pwd.getpwuid(uid)
            uid, gid = found.pw_uid, found.pw_gid
            groups = tuple(os.getgrouplist(found.pw_name, gid))
        except (KeyError, ValueError):
            # A number needs no entry in passwd(5), but then its group must be said.
            if uid is None or spec.group is None:
                raise Unknown(f"user {spec.user}") from None
    if spec.group is not None:
        gid = whole(spec.group, MOST_ID)
        try:
            gid = grp.getgrnam(spec.group).gr_gid if gid is None else gid
        except (KeyError, ValueError):
            raise Unknown(f"group {spec.group}") from None
        groups = (gid,) if groups is None else tuple({*groups, gid})
    if os.geteuid() != 0:
        groups = None  # only root may change them; the user's own groups are inherited
    return Identity(uid, gid, groups)
