"""A process that misbehaves as told and keeps its witness informed, over a socket that dies with it.

    worker.py ROLE NAME ON_STOP LIVES CODE LINES [BIRTH:ON_STOP …]

It says hello, each signal that came (number, when, how long it had waited for a processor) and the exit code it
leaves with; the end of the stream is its death. Every signal is blocked and taken with
sigtimedwait(2), so that none is lost but by coalescing; SIGURG stays with the agent.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}
# SIGURG is the agent's, SIGCHLD says nothing about us, and these cannot be blocked in a useful way.
ALL = signal.valid_signals() - {
    signal.SIGKILL, signal.SIGSTOP, signal.SIGURG, signal.SIGCHLD, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
}  # fmt: skip
SLOW = 0.2  # seconds that a slow one needs to end: less than any rung waits


class Witness:
    """Our end of the socket on which the harness listens."""

    def __init__(self, role: str, name: str, deaf: bool) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(os.environ["FAULTS_SOCKET"])
        self.token = f"{os.getpid()}-{time.monotonic_ns()}"  # a pid alone is given again
        self.say(role=role, name=name, deaf=deaf, token=self.token)

    def say(self, **fields: object) -> None:
        """One message."""
        try:
            self._socket.send(json.dumps(fields).encode())
        except OSError:  # the harness is gone: so are we, soon
            pass


def main() -> None:
    role, name, on_stop, lives, code, lines, *children = sys.argv[1:]
    if on_stop != "default":
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL)
    witness = Witness(role, name, on_stop == "ignore" and not float(lives))
    for child in children:
        birth, _, its_end = child.partition(":")
        _spawn(birth, name, its_end)
    for number in range(int(lines)):
        print(f"{name} {witness.token} {number}", flush=number % 100 == 99)
    sys.stdout.flush()
    if on_stop == "asyncio":
        _asyncio(witness, float(lives), int(code))
    _live(witness, on_stop, float(lives), int(code))


def _live(witness: Witness, on_stop: str, lives: float, code: int) -> NoReturn:
    until = time.monotonic() + lives if lives else float("inf")
    while (left := until - time.monotonic()) > 0:
        if on_stop == "default":
            time.sleep(min(left, 3600))
            continue
        waited = _waited()
        came = signal.sigtimedwait(ALL, min(left, 3600))
        if came is None or came.si_signo not in ALL:
            continue  # CPython hands out what it never filled in where a stop (SIGSTOP) outlasts the timeout
        witness.say(signal=came.si_signo, at=time.monotonic(), late=_waited() - waited)
        if came.si_signo in STOPPING and on_stop != "ignore":
            if on_stop == "slow":
                time.sleep(SLOW)
            code = 7 if on_stop == "fail" else 0
            break
    _leave(witness, code)


def _asyncio(witness: Witness, lives: float, code: int) -> NoReturn:
    import asyncio

    async def serve() -> None:
        asked = asyncio.Event()

        def ask(number: int) -> None:
            witness.say(signal=number, at=time.monotonic(), late=0.0)
            if number in STOPPING:
                asked.set()

        for number in ALL - {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}:
            asyncio.get_running_loop().add_signal_handler(number, ask, number)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        try:
            async with asyncio.timeout(lives or None):
                await asked.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SLOW)

    asyncio.run(serve())
    _leave(witness, code)


def _leave(witness: Witness, code: int) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, ALL)  # nothing may come between the word and the deed
    witness.say(exit=code)
    os._exit(code)


def _waited() -> float:
    """Seconds that this process has waited for a processor so far (proc(5), schedstat)."""
    try:
        with open("/proc/self/schedstat") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def _spawn(birth: str, name: str, on_stop: str) -> None:
    """Start a further process: in our group, in a session of its own, or so that it loses its parent at once."""
    role = "member" if birth == "group" else "escapee"
    argv = [sys.executable, "-ES", __file__, role, name, on_stop, "0", "0", "0"]
    pid = os.fork()
    if pid == 0:
        if birth != "group":
            os.setsid()
        if birth == "orphan" and os.fork():
            os._exit(0)
        os.execv(argv[0], argv)
    if birth == "orphan":
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
