#!/usr/bin/env python3
"""Start Redis and PostgreSQL on loopback for the programs of this folder, run a command, stop what was started.

  services.py COMMAND...    e.g. services.py python judge.py c12; without a command they run until a signal comes

Redis listens on port 16379 and PostgreSQL on 15432 (trust for user postgres), both on 127.0.0.1 and in a temporary
folder. A port on which something answers already is used as it is and left running. Debian packages: redis-server,
postgresql.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REDIS_PORT = 16379  # the programs name it
POSTGRES_PORT = 15432
START_LIMIT = 20.0  # seconds for a server to listen; initdb alone takes 2 s on a busy machine
STOP_LIMIT = 10.0  # seconds before SIGKILL


class Missing(Exception):
    """A server that is not installed, or that did not start: names it and the Debian package."""


def answers(port: int) -> bool:
    """Tell whether something listens on this port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Keep both servers up for the length of the block. Raises Missing."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="wild-services-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)  # PostgreSQL's own user has to pass
        if not answers(REDIS_PORT):
            _serve(stack, _redis(folder), REDIS_PORT, signal.SIGTERM)
        if not answers(POSTGRES_PORT):
            _serve(stack, _postgres(folder), POSTGRES_PORT, signal.SIGINT)  # SIGINT: fast shutdown, clients or not
        yield


def _serve(stack: contextlib.ExitStack, start: subprocess.Popen[bytes], port: int, stop: signal.Signals) -> None:
    stack.callback(_end, start, stop)
    limit = time.monotonic() + START_LIMIT
    while not answers(port):
        if start.poll() is not None or time.monotonic() > limit:
            raise Missing(f"{start.args!r} does not listen on port {port}")
        time.sleep(0.05)


def _end(server: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    server.send_signal(stop)
    try:
        server.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _redis(folder: Path) -> subprocess.Popen[bytes]:
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("redis-server is not installed (Debian package redis-server)")
    command = [program, "--port", str(REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def _postgres(folder: Path) -> subprocess.Popen[bytes]:
    """PostgreSQL refuses to run as root: then its Debian user runs it."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which("postgres", path=str(programs[-1])) if programs else shutil.which("postgres")
    if found is None:
        raise Missing("PostgreSQL is not installed (Debian package postgresql)")
    user = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None
    data = folder / "data"
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, -1)
    initdb = [str(Path(found).with_name("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
    subprocess.run(initdb, user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)
    options = ["-p", str(POSTGRES_PORT), "-h", "127.0.0.1", "-k", str(data), "-c", "fsync=off"]
    return subprocess.Popen(
        [found, "-D", str(data), *options],
        user=user,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main(argv: list[str]) -> int:
    """Run the command between start and stop of the servers; its exit code, 1 when a server is missing."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # unwinds: the servers are stopped
    try:
        with running():
            if argv:
                return subprocess.run(argv, check=False).returncode
            print("ready", flush=True)
            signal.pause()
    except Missing as missing:
        print(f"services: {missing}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
