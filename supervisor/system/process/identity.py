"""User and group names -> the numbers to become. Looks into the system's databases (getpwnam(3), getgrouplist(3))."""

from __future__ import annotations

import os

from supervisor.core.spec import ExecSpec
from supervisor.errors import SupervisorError
from supervisor.system.process.spawn import Identity


class Unknown(SupervisorError):
    """There is no such user or group."""


def of(spec: ExecSpec) -> Identity | None:
    """Whom the worker shall run as; None: unchanged. Names or numbers. Raises Unknown."""
    if spec.user is None and spec.group is None:
        return None
    import grp
    import pwd

    uid = gid = None
    groups: tuple[int, ...] | None = None
    if spec.user is not None:
        try:
            found = pwd.getpwuid(int(spec.user)) if spec.user.isdecimal() else pwd.getpwnam(spec.user)
        except KeyError:
            raise Unknown(f"user {spec.user}") from None
        uid, gid = found.pw_uid, found.pw_gid
        groups = tuple(os.getgrouplist(found.pw_name, gid))
    if spec.group is not None:
        try:
            gid = int(spec.group) if spec.group.isdecimal() else grp.getgrnam(spec.group).gr_gid
        except KeyError:
            raise Unknown(f"group {spec.group}") from None
        groups = (gid,) if groups is None else tuple({*groups, gid})
    if os.geteuid() != 0:
        groups = None  # only root may change them; the user's own groups are inherited
    return Identity(uid, gid, groups)
