"""Brings the agent into a running Python program that was started without it, for one look (PEP 768, Python 3.14).

The program's own interpreter does it, with the program's own rights (process/entering.py): only the same version can,
and nothing of the program's runs with rights of ours.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time

from supervisor.agent.wire import MAX_MESSAGE, AgentMessage, decode
from supervisor.core import signum
from supervisor.core.frozen import Frozen
from supervisor.errors import SupervisorError
from supervisor.system.agent import inject
from supervisor.system.peer import credentials
from supervisor.system.proc import processes, python, reading, syscalls
from supervisor.system.process import entering
from supervisor.system.signals import pidfd_send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# The first CPython with sys.remote_exec(): https://docs.python.org/3.14/library/sys.html#sys.remote_exec
FIRST = (3, 14)
# Seconds that the program has to come to its next instruction; and, from then on, to say all it has to say.
PATIENCE = 2.0
SPEAKING = 5.0
# Seconds for its interpreter to start and to compile the agent; and after which a main thread that sleeps is nudged.
STARTING = 15.0
UNNUDGED = 0.2
MOST_MESSAGES = 200
# Calls that return early when a process was stopped and continued (signal(7), "Interruption of system calls").
_NUDGED = frozenset({"epoll_wait", "epoll_pwait", "epoll_pwait2"})
_SWITCH = b"PYTHON_DISABLE_REMOTE_DEBUG="
HOME = inject.HOME


class NotAttached(SupervisorError):
    """The agent was not brought in, or said nothing, for a reason that the message says."""

    exit_code = 1


class Visit(Frozen):
    """What the agent said, and whether the program was stopped and continued for it."""

    messages: tuple[AgentMessage, ...]
    nudged: bool = False


def visit(pid: int, version: str, exe: str, argv: Sequence[str], nudge: bool) -> Visit:
    """Return what the agent has to say of a running program. Raises NotAttached.

    ``version``: ``"3.14"`` as far as known. ``nudge``: a main thread that sleeps in its event loop is woken by
    SIGSTOP and SIGCONT.
    """
    _refuse_early(version, exe)
    born = processes.stat(pid)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    with listener:
        try:
            rights = entering.rights_of(pid)
            helper = entering.run(pid, rights, _command(rights.inner, listener.fileno()), (listener.fileno(),))
        except entering.NotEntered as error:
            raise NotAttached(error.message, error.hint) from None
        try:
            _bring(helper, pid, argv)
            if born is None or (now := processes.stat(pid)) is None or now.born != born.born:
                raise NotAttached("it has ended")
            found = _heard(listener, pid, nudge)
            helper.line.sendall(b"done\n")
            return found
        except OSError as error:
            raise NotAttached(f"its interpreter has gone: {error.strerror}") from None
        finally:
            listener.close()
            helper.ended()


def _command(inner: int, listener: int) -> list[str]:
    program = _text("visit/bring.py")
    read = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))"
    return ["-I", "-S", "-c", read, str(len(program.encode())), str(inner), str(listener)]


def _text(name: str) -> str:
    with open(os.path.join(HOME, name), encoding="utf-8") as file:
        return file.read()


def _sources() -> dict[str, str]:
    """Return the text of each module of the agent, by the name that it is loaded under."""
    names = [name for name in sorted(os.listdir(os.path.join(HOME, "body"))) if name.endswith(".py")]
    found = {f"_sigdrain_agent_{name[:-3]}": _text(f"body/{name}") for name in names}
    return {"_sigdrain_agent": _text("boot/_sigdrain_agent.py"), **found}


# ------------------------------------------------------------------ refusals


def _refuse_early(version: str, exe: str) -> None:
    number = python.numbers(version)
    if number and number < FIRST:
        raise NotAttached(
            f"Python {version} lets nobody bring code into a running program (3.14 and later do)",
            "start it under supervisor run or up: then its agent is there",
        )
    if exe.endswith(" (deleted)"):
        raise NotAttached("its interpreter was replaced since it started", "restart it")
    if not python.is_interpreter(exe):
        raise NotAttached(f"its interpreter is embedded in {os.path.basename(exe)}, which cannot be asked to do it")


def _disabled(pid: int, argv: Sequence[str]) -> NotAttached:
    """Tell how the program says that it wants none of it; the value of the variable is not kept."""
    words = iter(argv[1:])
    for word in words:
        option = word + next(words, "") if word in ("-X", "-W") else word
        if option == "-Xdisable-remote-debug":
            why = "-X disable-remote-debug"
            return NotAttached(f"it was started with {why}, which forbids it", "start it without that option")
        if not option.startswith("-") or option in ("-c", "-m", "-"):
            break
    environment = (reading.read(f"/proc/{pid}/environ", 1 << 20) or b"").split(b"\0")
    if any(entry.startswith(_SWITCH) and len(entry) > len(_SWITCH) for entry in environment):
        name = _SWITCH[:-1].decode()
        return NotAttached(f"it was started with {name}, which forbids it", f"start it without {name}")
    return NotAttached("its Python was built without remote debugging (--without-remote-debug)")


def _bring(helper: entering.Entered, pid: int, argv: Sequence[str]) -> None:
    """Give the helper what it needs, and hear that the script is pending. Raises NotAttached."""
    program = _text("visit/bring.py").encode()
    given = json.dumps({"agent": _sources(), "enter": _text("visit/enter.py")}).encode()
    try:
        helper.line.settimeout(STARTING)
        try:
            helper.line.sendall(program + given + b"\n")
        except ConnectionError:  # it has ended already; what it has said is still to be read
            pass
        answer = _line(helper.line)
    except TimeoutError:
        raise NotAttached(f"its interpreter did not answer within {STARTING:.0f} s") from None
    try:
        told: dict[str, Any] = json.loads(answer)
    except ValueError:
        told = {"error": "start", "text": answer.strip()}
    if "pending" not in told:
        raise _refusal(str(told.get("error")), str(told.get("text")), pid, argv)


def _line(line: socket.socket) -> str:
    """Return the first line of JSON; all that came when the other side has ended without one."""
    data = b""
    try:
        while len(data) < entering.MOST_OUTPUT and (chunk := line.recv(65536)):
            data += chunk
            for whole in data.split(b"\n")[:-1]:
                if whole.startswith(b"{"):
                    return whole.decode(errors="replace")
    except ConnectionError:  # it has not read all that we had for it
        pass
    told = [one for one in data.decode(errors="replace").splitlines() if one.strip()]
    return told[-1] if told else "it ended without a word"


def _refusal(kind: str, text: str, pid: int, argv: Sequence[str]) -> NotAttached:
    """Tell what a failure inside of the helper means here, and what to do."""
    if kind == "PermissionError":
        scope = (reading.read("/proc/sys/kernel/yama/ptrace_scope", 16) or b"0").strip().decode()
        if scope != "0":
            return NotAttached(
                f"this kernel lets no process look into another of its own user (ptrace_scope is {scope})",
                "set kernel.yama.ptrace_scope to 0 for the moment (sysctl)" if scope != "3" else "",
            )
        return NotAttached(
            "the kernel does not permit it (ptrace(2)): it has more rights than its user, or is not dumpable"
        )
    if kind == "RuntimeError" and "not enabled" in text:
        return _disabled(pid, argv)
    if kind == "version":
        return NotAttached("its Python has no sys.remote_exec (3.14 and later have it)")
    if kind == "place":
        return NotAttached(f"no folder of its own user can be made in its root: {text}")
    if kind == "ProcessLookupError":
        return NotAttached("it has ended")
    return NotAttached(f"its interpreter could not do it: {text}")


# ------------------------------------------------------------------ hearing


def _heard(listener: socket.socket, pid: int, nudge: bool) -> Visit:
    """Wait for the program's agent, and for all that it says. Raises NotAttached when it does not come."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    until = time.monotonic() + PATIENCE
    nudged = False
    while not poll.poll(1000 * (UNNUDGED if nudge and not nudged else max(until - time.monotonic(), 0.0))):
        call = syscalls.current(pid)
        if nudge and not nudged:
            nudged = _nudge(pid, call)
            nudge = nudged
        elif time.monotonic() >= until:
            raise _blocked(call, nudge)
    connection, _ = listener.accept()
    with connection:
        if credentials(connection)[0] != pid:
            raise NotAttached("another process answered in its place")
        return Visit(_said(connection, pid), nudged)


def _blocked(call: str | None, nudged: bool) -> NotAttached:
    """Tell that its main thread has not come to its next instruction."""
    where = f" {call}" if call else ""
    sleeps = call in _NUDGED and not nudged
    return NotAttached(
        f"its main thread was blocked in a call{where} for {PATIENCE:.0f} s and ran nothing; outside facts follow",
        "add --nudge: it sleeps in its event loop, and is stopped and continued to wake it" if sleeps else "",
    )


def _nudge(pid: int, call: str | None) -> bool:
    """Stop and continue a process that sleeps in its event loop; whether it was done.

    Not one that is stopped already, which somebody wants so; nor the foreground of a terminal, whose shell would take
    the terminal back.
    """
    found = processes.stat(pid)
    if call not in _NUDGED or found is None or found.state in "Tt" or _in_foreground(pid):
        return False
    pidfd = os.pidfd_open(pid)
    try:
        pidfd_send_signal(pidfd, signum.STOP)
        until = time.monotonic() + 0.1
        while (found := processes.stat(pid)) is not None and found.state != "T" and time.monotonic() < until:
            time.sleep(0.001)
    except PermissionError:
        return False
    finally:
        try:
            pidfd_send_signal(pidfd, signum.CONT)
        except OSError:
            pass
        os.close(pidfd)
    return True


def _in_foreground(pid: int) -> bool:
    """Return whether its group is the foreground job of a terminal (proc_pid_stat(5), tpgid)."""
    data = reading.read(f"/proc/{pid}/stat", 2048) or b") S 0 0 0 0 -1"
    fields = data[data.rindex(b")") + 2 :].split()
    return fields[2] == fields[5]


def _said(connection: socket.socket, pid: int) -> tuple[AgentMessage, ...]:
    """Return all messages until the agent leaves."""
    until = time.monotonic() + SPEAKING
    found: list[AgentMessage] = []
    try:
        while len(found) < MOST_MESSAGES:
            connection.settimeout(max(until - time.monotonic(), 0.001))
            raw = connection.recv(MAX_MESSAGE + 1)
            if not raw:
                break
            message = decode(raw)
            if not isinstance(message, str):
                at = min(message.at, time.monotonic())
                found.append(AgentMessage(message.event, at, pid, message.seq, message.dropped, message.fields))
    except OSError:
        pass
    return tuple(found)
