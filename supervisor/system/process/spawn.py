"""Starts a process: fork, set-up in the child, exec. Imported before anything the running phase needs.

fork and exec from this small single-threaded process cost as much as posix_spawn (measured: 2.2 against 2.5 ms) and
leave one place for mask, dispositions, group or session, terminal, umask, limits, user, LISTEN_PID and the
parent-death signal. A failure comes back over a close-on-exec pipe as "stage errno detail"; EOF means exec worked.
"""

from __future__ import annotations

import errno
import os
from time import monotonic

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.core.spec import ExecSpec
from supervisor.system import libc, signals
from supervisor.system.terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Child(Frozen):
    """A forked process. ``status_fd`` yields EOF when exec has worked, else why not (see read_status).

    ``at`` is when it was forked, CLOCK_MONOTONIC seconds; ``terminal`` whether it may lead our terminal's foreground.
    """

    pid: int
    pidfd: int
    status_fd: int
    terminal: bool
    at: float


class Identity(Frozen):
    """Numeric user and groups to become, looked up before the fork. None: unchanged."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


class Launch:
    """One start on its way: what can be made before the fork is made here, then :meth:`fork`, then :meth:`child`.

    Three steps, so that many starts are prepared, forked and watched in rows: after a fork, each page of memory that
    either side writes to is copied first.
    """

    def __init__(
        self,
        spec: ExecSpec,
        inherited: signals.Inherited,
        *,
        identity: Identity | None = None,
        terminal: Terminal | None = None,
        stdio: tuple[int, int, int] | None = None,
        additions: Mapping[str, str] | None = None,
        sockets: bool = True,
        descriptors: tuple[tuple[int, int], ...] = (),
    ) -> None:
        """Prepare a start; ``stdio``: descriptors for its stdin, stdout, stderr; None inherits ours.

        ``additions`` are variables on top of its environment, ``descriptors`` further ones of ours, each with the
        number that it gets in the child. ``sockets``: those that systemd has passed to us are passed on. Raises
        OSError (limit of descriptors).
        """
        self._spec = spec
        self._inherited = inherited
        self._identity = identity
        self._apart = spec.own_group and not spec.session
        self._terminal = terminal is not None and self._apart
        self._lend = terminal if terminal is not None and self._apart and terminal.ours() else None
        self._stdio = stdio
        self._descriptors = descriptors
        env = _without_our_own(spec.env if spec.env is not None else os.environ, sockets=sockets)
        self._env: Mapping[str, str] = {**env, **additions} if additions else env
        self._parent = os.getpid()
        self._pid = 0
        self._at = 0.0
        self._failure: OSError | None = None
        self._reader, self._writer = os.pipe()

    def fork(self) -> None:
        """Make the process, which goes its own way from here. Whether that worked, :meth:`child` tells."""
        try:
            self._pid = os.fork()
        except OSError as error:
            self._failure = error
            return
        if self._pid == 0:
            self._become()
        self._at = monotonic()

    def child(self) -> Child:
        """Return the process. Raises OSError when fork or pidfd_open failed (limits of processes, of descriptors)."""
        os.close(self._writer)
        if self._failure is not None:
            os.close(self._reader)
            raise self._failure
        if self._apart:
            try:
                os.setpgid(
                    self._pid, self._pid
                )  # the child does it too: whoever is first, the group exists from here
            except OSError:
                pass  # it has exec'ed already (EACCES), or died
        if self._lend is not None:
            self._lend.lent()
        try:
            pidfd = os.pidfd_open(self._pid)
        except OSError:
            os.kill(self._pid, signum.KILL)
            os.waitpid(self._pid, 0)
            os.close(self._reader)
            raise
        return Child(self._pid, pidfd, self._reader, self._terminal, self._at)

    def _become(self) -> None:
        """Become the worker's program, in the child. Never returns, never raises."""
        spec, stage = self._spec, "group"
        try:
            if spec.session:
                os.setsid()
            elif spec.own_group:
                os.setpgid(0, 0)
            if self._lend is not None:
                stage = "terminal"
                os.tcsetpgrp(self._lend.fd, os.getpid())
            stage = "stdio"
            if self._stdio is not None:
                _set_stdio(self._stdio)
            if self._descriptors:
                stage = "descriptors"
                self._writer = _set_descriptors(self._descriptors, self._writer)
            if spec.umask is not None:
                os.umask(spec.umask)
            stage = "limits"
            if spec.limits:
                _set_limits(spec.limits)
            stage = "user"
            if self._identity is not None:
                _set_identity(self._identity)
            stage = "cwd"
            if spec.cwd is not None:
                os.chdir(spec.cwd)
            stage = "privileges"
            if spec.no_new_privs:
                libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
            if spec.parent_death != "off":
                # After setuid, which clears it; a set-user-ID program clears it again (PR_SET_PDEATHSIG(2const)).
                libc.prctl(libc.PR_SET_PDEATHSIG, signum.NUMBERS["SIG" + spec.parent_death])
                if os.getppid() != self._parent:
                    os._exit(125)  # the supervisor died before the line above
            stage = "exec"
            env = _with_own_pid(self._env, self._parent)
            signals.hand_down(self._inherited, spec.keep_ignored)
            _exec(spec.argv, env)
        except OSError as error:
            os.write(self._writer, f"{stage} {error.errno} {error.filename or ''}".encode(errors="surrogateescape"))
        except BaseException as error:
            os.write(self._writer, f"{stage} {errno.EINVAL} {error}".encode(errors="replace"))
        finally:
            os._exit(125)


def read_status(fd: int) -> tuple[str, int, str] | None:
    """Return (stage, errno, detail) of a failed start, None when exec worked.

    Blocks until one of the two is known.
    """
    data = b""
    while chunk := os.read(fd, 4096):
        data += chunk
    if not data:
        return None
    stage, number, detail = data.decode(errors="surrogateescape").split(" ", 2)
    return stage, int(number), detail


def _exec(argv: tuple[str, ...], env: Mapping[str, str]) -> None:
    """Search PATH unless the name has a slash, as execvpe(3) does; EACCES wins over ENOENT. Raises OSError."""
    if not argv[0]:
        raise OSError(errno.ENOENT, "", "")
    if "/" in argv[0]:
        os.execve(argv[0], argv, env)
    denied: OSError | None = None
    for folder in env.get("PATH", os.defpath).split(":"):
        try:
            os.execve(os.path.join(folder, argv[0]), argv, env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            denied = error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # no folder has a file of such a name
                raise
    raise denied or OSError(errno.ENOENT, "", argv[0])


# What a service manager over us has told us alone: where it listens, and that it wants a sign of life of us.
OUR_OWN = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
# Sockets that it has passed to us (sd_listen_fds(3)).
SOCKETS = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


def _without_our_own(env: Mapping[str, str], *, sockets: bool) -> Mapping[str, str]:
    """Return the environment without them: a worker that spoke to our manager would speak in our name.

    What a config sets to something else stays. ``sockets``: those that systemd has passed to us go on to the worker.
    """
    ours = [key for key in OUR_OWN if key in env and env[key] == os.environ.get(key)]
    if not sockets and env.get("LISTEN_PID") == str(os.getpid()):
        ours += SOCKETS
    return {key: value for key, value in env.items() if key not in ours} if ours else env


def _with_own_pid(env: Mapping[str, str], parent: int) -> Mapping[str, str]:
    """Name the worker's own pid, in the child, where ours stands: sockets that systemd passed to us are for the
    worker (LISTEN_PID, sd_listen_fds(3)), and so is a watchdog that it was given
    (WATCHDOG_PID, sd_watchdog_enabled(3)).
    """
    meant = [key for key in ("LISTEN_PID", "WATCHDOG_PID") if env.get(key) == str(parent)]
    if not meant:
        return env
    without = {key: value for key, value in env.items() if key != "LISTEN_PIDFDID" or "LISTEN_PID" not in meant}
    return without | dict.fromkeys(meant, str(os.getpid()))


def _set_stdio(stdio: tuple[int, int, int]) -> None:
    # No source is 0, 1 or 2 itself, also when we were started with closed descriptors: see stdio.reserve.
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)


def _set_descriptors(descriptors: tuple[tuple[int, int], ...], status: int) -> int:
    """Give each its number in the child; return the status pipe, which had to make room."""
    import fcntl

    above = max(number for _, number in descriptors) + 1
    moved = [(fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above), number) for fd, number in descriptors]
    status = fcntl.fcntl(status, fcntl.F_DUPFD_CLOEXEC, above)
    for fd, number in moved:
        os.dup2(fd, number)
    return status


def _set_limits(limits: tuple[tuple[str, int, int], ...]) -> None:
    import resource

    for name, soft, hard in limits:
        resource.setrlimit(getattr(resource, name), (soft, hard))


def _set_identity(identity: Identity) -> None:
    if identity.groups is not None:
        os.setgroups(identity.groups)
    if identity.gid is not None:
        os.setresgid(identity.gid, identity.gid, identity.gid)
    if identity.uid is not None:
        os.setresuid(identity.uid, identity.uid, identity.uid)
