"""Writes a whole file where a user asked for it, and nowhere that somebody else has prepared.

A regular file appears at once and whole, at the end of our own symbolic links; its mode and owner stay. A pipe, a
terminal or a device is written as it is, for at most a second. In a folder that many may write to (/tmp) neither a
link nor a pipe of another user is used: he would choose which of our files is overwritten, or who is waited for.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time

from supervisor.core.frozen import Frozen
from supervisor.system.output.sink import AGAIN, writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a reader of a pipe, or the device behind a path, has to take everything.
PATIENCE = 1.0
# Symbolic links followed one after the other, as many as the kernel follows (path_resolution(7)).
MOST_LINKS = 40
# What says that a file cannot be replaced but may still be written: its folder is not ours to change, or read-only,
# or something is mounted on the file.
_NOT_REPLACEABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV)


class Target(Frozen):
    """The end of a path: an open folder, the name in it, and what is there now (None: nothing)."""

    folder: int
    name: str
    found: os.stat_result | None


def write(path: str, content: bytes) -> None:
    """Write ``content`` to the file at ``path``. Raises OSError with a text that says why not."""
    target = _resolve(path)
    try:
        if _is_descriptor(target):
            _pour_into_descriptor(target, content)
        elif target.found is None:
            _replace(target, content)
        elif stat.S_ISREG(target.found.st_mode):
            try:
                _replace(target, content)
            except OSError as error:
                if error.errno not in _NOT_REPLACEABLE:
                    raise
                _overwrite(target, content)
        else:
            _pour_into_special(target, content)
    finally:
        os.close(target.folder)


def check(path: str) -> None:
    """Raise OSError, as :func:`write` would, where no file can be written; nothing is written."""
    target = _resolve(path)
    try:
        there = target.found is not None
        if there and (_is_descriptor(target) or os.access(target.name, os.W_OK, dir_fd=target.folder)):
            return
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=target.folder):
            read_only = os.fstatvfs(target.folder).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number))
    finally:
        os.close(target.folder)


# ------------------------------------------------------------------ where


def _resolve(path: str) -> Target:
    """Follow the links at the end of a path one by one, each looked at before it is followed."""
    here: int | None = None
    try:
        for _ in range(MOST_LINKS):
            head, name = os.path.split(path)
            if name in ("", ".", ".."):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            folder = os.open(head or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=here)
            if here is not None:
                os.close(here)
            here = folder
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                found = None
            target = Target(folder, name, found)
            if found is None or not stat.S_ISLNK(found.st_mode) or _is_descriptor(target):
                _refuse_foreign(target, stat.S_ISFIFO)
                here = None
                return target
            _refuse_foreign(target, stat.S_ISLNK)
            path = os.readlink(name, dir_fd=folder)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    finally:
        if here is not None:
            os.close(here)


def _refuse_foreign(target: Target, kind: Callable[[int], bool]) -> None:
    """Raise PermissionError for what fs.protected_symlinks and fs.protected_fifos refuse (proc_sys_fs(5)).

    The kernel's rules hold for what open(2) follows, where they are switched on; here links are followed by hand.
    """
    found = target.found
    if found is None or not kind(found.st_mode):
        return
    folder = os.fstat(target.folder)
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & 0o022
    if shared and found.st_uid not in (os.geteuid(), folder.st_uid):
        what = "symbolic link" if stat.S_ISLNK(found.st_mode) else "pipe"
        raise PermissionError(errno.EACCES, f"it is a {what} of another user (uid {found.st_uid}) in a shared folder")


def _is_descriptor(target: Target) -> bool:
    """Return whether the target is an open file of a process, as /dev/stdout is in the end: a link of /proc that
    names no path.
    """
    on_proc = os.fstat(target.folder).st_dev == os.stat("/proc").st_dev
    return on_proc and target.found is not None and stat.S_ISLNK(target.found.st_mode)


# ------------------------------------------------------------------ regular files


def _replace(target: Target, content: bytes) -> None:
    """Write a new file beside the target and rename it over, with the mode and owner of the one that was there."""
    beside = f".{target.name[:200]}.{os.urandom(4).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(beside, flags, 0o666, dir_fd=target.folder)
    try:
        try:
            _all(fd, content)
            if target.found is not None:
                os.fchown(fd, target.found.st_uid, target.found.st_gid)
                os.fchmod(fd, stat.S_IMODE(target.found.st_mode) & 0o777)
        finally:
            os.close(fd)
        os.replace(beside, target.name, src_dir_fd=target.folder, dst_dir_fd=target.folder)
    except OSError:
        os.unlink(beside, dir_fd=target.folder)
        raise


def _overwrite(target: Target, content: bytes) -> None:
    """Write into the file that is there."""
    fd = _open_same(target, os.O_WRONLY)
    try:
        os.ftruncate(fd, 0)
        _all(fd, content)
    finally:
        os.close(fd)


def _all(fd: int, content: bytes) -> None:
    while content:
        content = content[os.write(fd, content) :]


def _open_same(target: Target, flags: int) -> int:
    """Open what was looked at, and nothing that has come in its place since."""
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    fd = os.open(target.name, flags, dir_fd=target.folder)
    now, then = os.fstat(fd), target.found
    if then is None or (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino):
        os.close(fd)
        raise OSError(errno.ESTALE, "another file has taken its place meanwhile")
    return fd


# ------------------------------------------------------------------ pipes, terminals, devices


def _pour_into_special(target: Target, content: bytes) -> None:
    """Write to a pipe or a device; a pipe may get its reader within PATIENCE."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fd = _open_same(target, os.O_WRONLY)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= until:
                raise OSError(errno.ENXIO, "no process reads from it") from None
            time.sleep(AGAIN)
    try:
        _pour(lambda data: os.write(fd, data), fd, content, until)
    finally:
        os.close(fd)


def _pour_into_descriptor(target: Target, content: bytes) -> None:
    """Write to an open file: one of ours where it stands, another process's only if it is no regular file."""
    until = time.monotonic() + PATIENCE
    if target.name.isdecimal() and os.path.samestat(os.fstat(target.folder), os.stat("/proc/self/fd")):
        put, watched = writer(int(target.name))
        try:
            _pour(put, watched, content, until)
        finally:
            if watched != int(target.name):
                os.close(watched)
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    fd = os.open(target.name, flags, dir_fd=target.folder)
    try:
        _pour(lambda data: os.write(fd, data), fd, content, until)
    finally:
        os.close(fd)


def _pour(put: Callable[[bytes], int], fd: int, content: bytes, until: float) -> None:
    """Write all of it as its reader takes it. Raises OSError when that lasts beyond ``until``."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    while content:
        left = until - time.monotonic()
        if left <= 0:
            raise OSError(errno.ETIMEDOUT, f"its reader did not take {len(content)} bytes within {PATIENCE:.0f} s")
        if not poll.poll(left * 1000):
            continue
        try:
            done = put(content)
        except BlockingIOError:
            done = 0
        content = content[done:]
        if not done:
            time.sleep(AGAIN)  # a terminal can be ready for poll(2) and yet take nothing
