"""Starts a process: fork, set-up in the child, exec. Imported before anything the running phase needs.

fork and exec from this small single-threaded process cost as much as posix_spawn (measured: 2.2 against 2.5 ms) and
leave one place for mask, dispositions, group or session, terminal, umask, limits, user, LISTEN_PID and the
parent-death signal. A failure comes back over a close-on-exec pipe as "stage errno detail"; EOF means exec worked.
"""

from __future__ import annotations

import errno
import os

from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.core.spec import ExecSpec
from supervisor.system import libc, signals
from supervisor.system.terminal import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Child(Frozen):
    """A forked process. ``status_fd`` yields EOF when exec has worked, else why not (see read_status)."""

    pid: int
    pidfd: int
    status_fd: int
    terminal: bool


class Identity(Frozen):
    """Numeric user and groups to become, looked up before the fork. None: unchanged."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None


def fork_exec(
    spec: ExecSpec,
    inherited: signals.Inherited,
    *,
    identity: Identity | None = None,
    terminal: Terminal | None = None,
    stdio: tuple[int, int, int] | None = None,
    additions: Mapping[str, str] | None = None,
) -> Child:
    """Start the process. ``stdio``: descriptors for its stdin, stdout, stderr; None inherits ours.

    ``additions`` are variables on top of its environment.

    Raises OSError when fork, pipe or pidfd_open fail (limits of processes or descriptors).
    """
    parent = os.getpid()
    apart = spec.own_group and not spec.session
    lend = terminal if terminal is not None and apart and terminal.ours() else None
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if pid == 0:
        _become(spec, inherited, identity, lend, stdio, additions, parent, writer)
    os.close(writer)
    if apart:
        try:
            os.setpgid(pid, pid)  # the child does it too: whoever is first, the group exists from here on
        except OSError:
            pass  # it has exec'ed already (EACCES), or died
    if lend is not None:
        lend.lent()
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        os.kill(pid, signum.KILL)
        os.waitpid(pid, 0)
        os.close(reader)
        raise
    return Child(pid, pidfd, reader, terminal is not None and apart)


def read_status(fd: int) -> tuple[str, int, str] | None:
    """(stage, errno, detail) of a failed start, None when exec worked. Blocks until one of the two is known."""
    data = b""
    while chunk := os.read(fd, 4096):
        data += chunk
    if not data:
        return None
    stage, number, detail = data.decode(errors="replace").split(" ", 2)
    return stage, int(number), detail


def _become(
    spec: ExecSpec,
    inherited: signals.Inherited,
    identity: Identity | None,
    terminal: Terminal | None,
    stdio: tuple[int, int, int] | None,
    additions: Mapping[str, str] | None,
    parent: int,
    writer: int,
) -> None:
    """In the child: never returns, never raises."""
    stage = "group"
    try:
        if spec.session:
            os.setsid()
        elif spec.own_group:
            os.setpgid(0, 0)
        if terminal is not None:
            stage = "terminal"
            os.tcsetpgrp(terminal.fd, os.getpid())
        stage = "stdio"
        if stdio is not None:
            _set_stdio(stdio)
        if spec.umask is not None:
            os.umask(spec.umask)
        stage = "limits"
        if spec.limits:
            _set_limits(spec.limits)
        stage = "user"
        if identity is not None:
            _set_identity(identity)
        stage = "cwd"
        if spec.cwd is not None:
            os.chdir(spec.cwd)
        stage = "privileges"
        if spec.no_new_privs:
            libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
        if spec.parent_death != "off":
            # After setuid, which clears it; a set-user-ID program clears it again (PR_SET_PDEATHSIG(2const)).
            libc.prctl(libc.PR_SET_PDEATHSIG, signum.NUMBERS["SIG" + spec.parent_death])
            if os.getppid() != parent:
                os._exit(125)  # the supervisor died before the line above
        stage = "exec"
        env = _environment(spec.env if spec.env is not None else os.environ, parent)
        if additions:
            env = {**env, **additions}
        signals.hand_down(inherited, spec.keep_ignored)
        _exec(spec.argv, env)
    except OSError as error:
        os.write(writer, f"{stage} {error.errno} {error.filename or ''}".encode(errors="replace"))
    except BaseException as error:
        os.write(writer, f"{stage} {errno.EINVAL} {error}".encode(errors="replace"))
    finally:
        os._exit(125)


def _exec(argv: tuple[str, ...], env: Mapping[str, str]) -> None:
    """execvpe(3): search PATH unless the name has a slash; EACCES wins over ENOENT. Raises OSError."""
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
    raise denied or OSError(errno.ENOENT, "", argv[0])


def _environment(env: Mapping[str, str], parent: int) -> Mapping[str, str]:
    """Sockets that systemd passed to us are for the worker: LISTEN_PID names its pid (sd_listen_fds(3))."""
    if env.get("LISTEN_PID") != str(parent):
        return env
    return {key: value for key, value in env.items() if key != "LISTEN_PIDFDID"} | {"LISTEN_PID": str(os.getpid())}


def _set_stdio(stdio: tuple[int, int, int]) -> None:
    # No source is 0, 1 or 2 itself, also when we were started with closed descriptors: see stdio.reserve.
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)


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
